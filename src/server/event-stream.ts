/** One server-sent event. */
export interface ServerEvent {
  readonly event?: string;
  /** What a client names as the last that it has seen. */
  readonly id?: number;
  readonly data: object;
}

/** How a stream is sent. */
export interface EventStreamOptions {
  /** Ends what gives the events, where the client goes away. */
  readonly abort: (reason?: unknown) => void;
  /** The event for an error on the way. */
  readonly onError: (error: unknown) => ServerEvent;
  /** Milliseconds after which something is sent in any case, so that nobody takes the connection for dead. */
  readonly heartbeat?: number;
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** An answer of server-sent events, one for each that `events` gives. */
export function eventStream(
  events: AsyncGenerator<ServerEvent>,
  { abort, onError, heartbeat = 15_000 }: EventStreamOptions,
): Response {
  let pending: Promise<IteratorResult<ServerEvent>> | undefined;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        pending ??= events.next();
        const next = await orTimeout(pending, heartbeat);
        if (next === undefined) return controller.enqueue(encode(": still here\n\n"));
        pending = undefined;
        if (next.done === true) return controller.close();
        controller.enqueue(encode(textOf(next.value)));
      } catch (error) {
        controller.enqueue(encode(textOf(onError(error))));
        controller.close();
      }
    },
    async cancel(reason) {
      abort(reason);
      await events.return(undefined).catch(() => {});
    },
  });
  return new Response(body, {
    headers: { "content-type": "text/event-stream", "cache-control": "no-cache", "x-accel-buffering": "no" },
  });
}

const textOf = ({ event, id, data }: ServerEvent): string =>
  `${event === undefined ? "" : `event: ${event}\n`}${id === undefined ? "" : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`;

async function orTimeout<T>(promise: Promise<T>, milliseconds: number): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, milliseconds, undefined);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
