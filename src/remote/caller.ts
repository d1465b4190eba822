import type { Fetched } from "../checkpoint/bytes/byte-sources/served.ts";
import type { AnyPipeline } from "../pipelines/any-pipeline.ts";
import type { GenerateRequest } from "../pipelines/generate-request.ts";
import type { GenerationResult, PipelineEvent } from "../pipelines/run/events.ts";
import type { RunSettings } from "../pipelines/run/run.ts";
import { errorFrom } from "./error-data.ts";
import { type Inbox, inbox } from "./inbox.ts";
import type { News, Order } from "./messages.ts";

/** A thread with a host in it, as its starter has it. */
export interface HostThread<Model> {
  post(order: Order<Model>): void;
  /** Whether the thread keeps the program from ending. */
  hold(held: boolean): void;
  /** Resolves when the thread has ended by itself, as it does after it has told that it is over. */
  readonly ended: Promise<void>;
}

/** What a thread's starter is told. */
export interface HostListener {
  hear(news: News): void;
  /** The thread is gone, and why if it went unasked. */
  gone(reason: Error): void;
}

/** A pipeline that lies elsewhere. */
export interface Elsewhere<Model> {
  /** Which model the thread opens. */
  readonly model: Model;
  start(listener: HostListener): HostThread<Model>;
  /** Told of files that come from servers. */
  readonly onFetched?: ((fetched: Fetched) => void) | undefined;
}

interface RunningHost<Model> {
  readonly thread: HostThread<Model>;
  readonly runs: Map<number, Inbox<PipelineEvent>>;
  readonly over: Promise<void>;
}

/**
 * `local` with its runs in a thread of their own, from the first one on; what is asked of the model besides is answered
 * here. A thread that fails takes its runs along, and the next run starts another.
 */
export function remotePipeline<Model>(local: AnyPipeline, { model, start, onFetched }: Elsewhere<Model>): AnyPipeline {
  let host: RunningHost<Model> | undefined;
  let numbers = 0;
  let disposed: Promise<void> | undefined;

  const running = (): RunningHost<Model> => {
    host ??= startHost(start, (gone) => {
      if (host === gone) host = undefined;
    });
    return host;
  };

  function startHost(begin: Elsewhere<Model>["start"], onGone: (gone: RunningHost<Model>) => void): RunningHost<Model> {
    const runs = new Map<number, Inbox<PipelineEvent>>();
    let [resolve, reject] = [(): void => {}, (_: unknown): void => {}];
    const over = new Promise<void>((done, failed) => {
      [resolve, reject] = [done, failed];
    });
    over.catch(() => {}); // told to whoever disposes
    const thread = begin({
      hear(news) {
        switch (news.kind) {
          case "events":
            for (const event of news.events) runs.get(news.run)?.put(event);
            return;
          case "over":
            runs.get(news.run)?.close(news.error && errorFrom(news.error));
            runs.delete(news.run);
            return thread.hold(runs.size > 0 || disposed !== undefined);
          case "fetched":
            return onFetched?.(news.fetched);
          case "ended":
            return news.error === undefined ? resolve() : reject(errorFrom(news.error));
        }
      },
      gone(reason) {
        onGone(started);
        for (const run of runs.values()) run.fail(reason);
        runs.clear();
        reject(reason); // unless it has told that it is over
      },
    });
    const started = { thread, runs, over };
    thread.post({ kind: "open", model });
    return started;
  }

  async function* stream(
    { signal, ...request }: GenerateRequest,
    { observeTrunk, ...settings }: RunSettings = {},
  ): AsyncGenerator<PipelineEvent, void> {
    signal?.throwIfAborted();
    if (disposed !== undefined || observeTrunk !== undefined) {
      return yield* local.stream({ ...request, signal }, { ...settings, observeTrunk }); // which refuses what is disposed of
    }
    const { thread, runs } = running();
    numbers += 1;
    const run = numbers;
    const events = inbox<PipelineEvent>();
    let left = false;
    const leave = (): void => {
      if (!left && runs.has(run)) thread.post({ kind: "abort", run });
      left = true;
    };
    const abort = (): void => {
      leave();
      events.fail(signal?.reason);
    };
    runs.set(run, events);
    thread.hold(true);
    thread.post({ kind: "run", run, request, settings });
    signal?.addEventListener("abort", abort, { once: true });
    try {
      yield* events;
    } finally {
      signal?.removeEventListener("abort", abort);
      leave();
    }
  }

  const dispose = async (): Promise<void> => {
    const ending = host;
    ending?.thread.hold(true);
    ending?.thread.post({ kind: "end" });
    await local.dispose();
    await ending?.over;
    await ending?.thread.ended;
  };

  const disposeOnce = (): Promise<void> => {
    disposed ??= Promise.resolve().then(dispose);
    return disposed;
  };

  return {
    ...local,
    stream,
    async generate(request, settings) {
      let result: GenerationResult | undefined;
      for await (const event of stream(request, settings)) if (event.type === "result") result = event.result;
      if (result === undefined) throw new Error("The run ended without a result");
      return result;
    },
    dispose: disposeOnce,
    [Symbol.asyncDispose]: disposeOnce,
  };
}
