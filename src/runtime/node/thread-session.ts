import { Worker } from "node:worker_threads";
import type { Tensor as OrtTensor } from "onnxruntime-node";
import { onnxRuntime, onnxRuntimePackage } from "./onnxruntime.ts";
import type { Open } from "./opened-session.ts";

/** A tensor on its way to another thread. */
interface Sent {
  readonly name: string;
  readonly data: Float32Array | BigInt64Array;
  readonly dims: readonly number[];
}

/** An input; the thread keeps it for later runs unless it serves `once`. */
export interface Feed extends Sent {
  readonly once: boolean;
}

/** What the thread is asked; inputs that it has already are not sent again. */
export type Question = { readonly kind: "run"; readonly feeds: readonly Feed[] } | { readonly kind: "release" };

/** What it answers, question by question, and once when it is loaded. */
interface Answer {
  readonly message?: readonly Sent[];
  readonly error?: unknown;
}

/**
 * A session in a thread of its own, so that several can be loaded side by side. Results and inputs that are given away
 * move from thread to thread; other inputs are copied once, when they are new.
 */
export const openInThread: Open = async (model, options) => {
  const thread = new Worker(new URL("./session-thread.js", import.meta.url), {
    workerData: { runtime: onnxRuntimePackage().folder, model, options },
    execArgv: [],
  });
  const waiting: { resolve: (answer: Answer) => void; reject: (reason: unknown) => void }[] = [];
  let ended: { readonly reason: unknown } | undefined;
  const answered = (): Promise<Answer> =>
    new Promise((resolve, reject) => {
      if (ended !== undefined) throw ended.reason;
      waiting.push({ resolve, reject });
      thread.ref();
    });
  const end = (reason: unknown): void => {
    ended ??= { reason };
    for (const { reject } of waiting.splice(0)) reject(reason);
  };
  thread.on("message", (answer: Answer) => {
    const asker = waiting.shift();
    if (waiting.length === 0) thread.unref(); // a session that is idle keeps no program from ending
    if ("error" in answer) asker?.reject(answer.error);
    else asker?.resolve(answer);
  });
  thread.on("error", end);
  thread.on("exit", (code) => end(new Error(`The thread of a session has ended with exit code ${code}`)));
  const ask = (question: Question, moved: readonly ArrayBuffer[] = []): Promise<Answer> => {
    thread.postMessage(question, moved);
    return answered();
  };
  const known = new Map<string, OrtTensor>();

  try {
    await answered();
  } catch (error) {
    await thread.terminate();
    throw error;
  }
  return {
    async run(feeds, given = new Set()) {
      const news = Object.entries(feeds).filter(([name, tensor]) => known.get(name) !== tensor);
      const sent = news.map(([name, tensor]) => ({ ...describe(name, tensor), once: given.has(name) }));
      const moved = sent.filter(({ once }) => once).map(({ data }) => data.buffer as ArrayBuffer);
      const answer = ask({ kind: "run", feeds: sent }, moved);
      for (const [name, tensor] of news) if (!given.has(name)) known.set(name, tensor);
      const { message = [] } = await answer;
      const { Tensor } = onnxRuntime();
      return Object.fromEntries(message.map(({ name, data, dims }) => [name, new Tensor(data, dims) as OrtTensor]));
    },
    async [Symbol.asyncDispose]() {
      if (ended === undefined) await ask({ kind: "release" });
      await thread.terminate();
    },
  };
};

function describe(name: string, { type, data, dims }: OrtTensor): Sent {
  if (!(data instanceof Float32Array || data instanceof BigInt64Array)) {
    throw new TypeError(`Cannot send "${name}" to another thread: it is ${type}, float32 or int64 is required`);
  }
  // What is sent is the whole buffer, of which this may be a part.
  return { name, data: data.byteLength === data.buffer.byteLength ? data : data.slice(), dims };
}
