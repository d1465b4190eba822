/** A run of a model: await it for its result, or loop over what happens. Leaving the loop early ends the run. */
export interface Run<Result, Event> extends PromiseLike<Result>, AsyncIterable<Event> {
  /** Ends the run; it rejects with an AbortError, or with `reason`. */
  abort(reason?: unknown): void;
}

/** Turns of events into the result that the last of them carries. */
export interface RunParts<Result, Event> {
  /** Starts the run; its events end by themselves or where the signal is aborted. */
  readonly start: (signal: AbortSignal) => AsyncIterable<Event>;
  /** The result, where an event carries it. */
  readonly resultOf: (event: Event) => Result | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told every event as it comes. */
  readonly onEvent?: ((event: Event) => void) | undefined;
}

/** Starts a run at once. Events are kept until the run is let go of, so that a loop may begin late and more than once. */
export function startRun<Result, Event>(parts: RunParts<Result, Event>): Run<Result, Event> {
  const { start, resultOf, signal, onEvent } = parts;
  const own = new AbortController();
  const either = signal === undefined ? own.signal : AbortSignal.any([signal, own.signal]);
  const events: Event[] = [];
  let wake = (): void => {};
  let news = new Promise<void>((resolve) => {
    wake = resolve;
  });
  let ended = false;
  const tell = (): void => {
    const waiting = wake;
    news = new Promise((resolve) => {
      wake = resolve;
    });
    waiting();
  };

  const drive = async (): Promise<Result> => {
    let result: Result | undefined;
    try {
      for await (const event of start(either)) {
        events.push(event);
        result = resultOf(event) ?? result;
        onEvent?.(event);
        tell();
      }
    } finally {
      ended = true;
      tell();
    }
    if (result === undefined) throw new Error("The run ended without a result");
    return result;
  };
  const result = drive();
  result.catch(() => {}); // whoever loops over the events is told there

  return {
    abort: (reason) => own.abort(reason),
    // biome-ignore lint/suspicious/noThenProperty: a run is awaited for its result
    then: (fulfilled, rejected) => result.then(fulfilled, rejected),
    async *[Symbol.asyncIterator]() {
      let told = 0;
      try {
        while (true) {
          const next = events[told];
          if (next !== undefined) {
            told++;
            yield next;
          } else if (ended) break;
          else await news;
        }
        await result;
      } finally {
        if (!ended) own.abort();
      }
    },
  };
}
