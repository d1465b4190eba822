import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import type { OpenVinoPaths } from "../../openvino/load-openvino.ts";
import type { Answer, Question } from "../../sessions/messages.ts";
import type { Place } from "../../sessions/place.ts";
import { onnxRuntimePackage } from "../onnxruntime.ts";
import { unwatchThread, watchThread } from "./busy-flags.ts";
import { threadFile } from "./thread-file.ts";

/** How a thread with sessions is started, and when it ends. */
export interface ThreadOptions {
  /** Whether ONNX Runtime says nothing of what goes wrong outside of sessions. */
  readonly quiet?: boolean;
  /** What runs graphs there in place of ONNX Runtime. */
  readonly openVino?: OpenVinoPaths | undefined;
  /** Milliseconds without a session or a tensor after which the thread ends; starting one takes some 40. */
  readonly linger?: number;
  /** What the thread runs. */
  readonly file?: URL;
}

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (reason: unknown) => void;
}

/** What comes back from a thread. */
type Reply = { readonly number: number } & ({ readonly answer: Answer } | { readonly error: unknown });

/**
 * A thread for sessions, started by the first question and ended when nothing is there any more; a later question starts
 * another. While it has nothing to do, it keeps no program from ending.
 */
export function sessionThread(options: ThreadOptions = {}): Place {
  let thread: RunningThread | undefined;
  let residents = 0;
  let timer: NodeJS.Timeout | undefined;
  let freed: number[] = [];
  const running = (): RunningThread => {
    thread ??= startThread(options, (ended) => {
      if (thread === ended) thread = undefined;
    });
    return thread;
  };
  let flushing: NodeJS.Timeout | undefined;
  /** What is to be freed, which is nobody else's business from then on. */
  const takeFreed = (): readonly number[] => {
    clearTimeout(flushing);
    const taken = freed;
    freed = [];
    return taken;
  };
  const flush = (): void => thread?.tell({ kind: "free", tensors: takeFreed() });
  const end = async (): Promise<void> => {
    clearTimeout(timer);
    const leaving = thread;
    thread = undefined;
    await leaving?.end();
  };
  /** Ends once nothing has been there for some time. */
  const endLater = (): void => {
    clearTimeout(timer);
    if (residents === 0) timer = setTimeout(() => void end(), options.linger ?? LINGER).unref();
  };
  return {
    away: true,
    begin() {
      running();
      endLater();
    },
    ask(question, moved) {
      return running().ask(question, moved, takeFreed());
    },
    free(tensor) {
      // The next question takes it along: a message of its own costs about as much again.
      if (freed.length === 0) flushing = setTimeout(flush, FLUSH).unref();
      freed.push(tensor);
    },
    enter() {
      residents += 1;
      clearTimeout(timer);
    },
    leave() {
      residents -= 1;
      endLater();
    },
    end: async () => (residents === 0 ? await end() : undefined),
  };
}

/** Between two networks of one run there is no more. */
const LINGER = 1000;

/** Milliseconds after which memory is freed where no question comes. */
const FLUSH = 5;

const sessionThreadFile = (): URL =>
  threadFile("session-thread.js", { beside: HERE, inPackage: "dist/runtime/node/places" });

/** A CommonJS bundle has no `import.meta`. */
const HERE = import.meta.url ?? pathToFileURL(__filename).href;

interface RunningThread {
  ask(question: Question, moved?: readonly ArrayBuffer[], freed?: readonly number[]): Promise<Answer>;
  tell(question: Question): void;
  end(): Promise<void>;
}

function startThread(
  { quiet = false, openVino, file = sessionThreadFile() }: ThreadOptions,
  onEnd: (ended: RunningThread) => void,
) {
  const runtime = openVino ?? onnxRuntimePackage().folder;
  const flags = watchThread();
  let worker: Worker;
  try {
    worker = new Worker(file, { workerData: { runtime, quiet, flags }, execArgv: [] });
  } catch (error) {
    unwatchThread(flags);
    throw error;
  }
  const waiting = new Map<number, Waiting>();
  let asked = 0;
  let failure: unknown;
  const exited = new Promise<void>((resolve) => {
    worker.once("exit", (code) => {
      failure ??= new Error(`The thread that runs networks has ended unexpectedly, with exit code ${code}`);
      unwatchThread(flags);
      onEnd(thread);
      for (const { reject } of waiting.values()) reject(failure);
      waiting.clear();
      resolve();
    });
  });
  worker.once("error", (cause) => {
    failure = new Error("The thread that runs networks has failed", { cause });
  });
  worker.on("message", (reply: Reply) => {
    const asker = waiting.get(reply.number);
    waiting.delete(reply.number);
    if (waiting.size === 0) worker.unref();
    if ("error" in reply) asker?.reject(reply.error);
    else asker?.resolve(reply.answer);
  });
  worker.unref();
  const thread: RunningThread = {
    ask(question, moved = [], freed = []) {
      asked += 1;
      const number = asked;
      worker.postMessage(freed.length > 0 ? { number, question, freed } : { number, question }, moved);
      if (waiting.size === 0) worker.ref();
      return new Promise((resolve, reject) => waiting.set(number, { resolve, reject }));
    },
    tell: (question) => worker.postMessage({ number: 0, question }),
    async end() {
      worker.postMessage({ number: 0 });
      worker.ref(); // somebody waits
      await exited;
    },
  };
  return thread;
}
