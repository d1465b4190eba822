import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";
import { unwatchThread, watchThread } from "../../runtime/node/places/busy-flags.ts";
import { threadFile } from "../../runtime/node/places/thread-file.ts";
import type { HostListener, HostThread } from "../caller.ts";
import type { News } from "../messages.ts";
import type { ModelOrder } from "./model-order.ts";

/** Starts a thread that a pipeline runs in. While it has nothing to do, it keeps no program from ending. */
export function startRunThread({ hear, gone }: HostListener): HostThread<ModelOrder> {
  const file = runThreadFile();
  const flags = watchThread();
  let worker: Worker;
  try {
    const options = { workerData: { flags }, execArgv: [], resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB } };
    worker = isSource ? new Worker(translated(file), { ...options, eval: true }) : new Worker(file, options);
  } catch (error) {
    unwatchThread(flags);
    throw error;
  }
  let failure: Error | undefined;
  let isOver = false;
  worker.once("error", (cause) => {
    failure = new Error("The thread that runs the model has failed", { cause });
  });
  worker.on("message", (news: News) => {
    isOver ||= news.kind === "ended";
    hear(news);
  });
  const ended = new Promise<void>((resolve) => {
    worker.once("exit", (code) => {
      unwatchThread(flags);
      if (!isOver) {
        gone(failure ?? new Error(`The thread that runs the model has ended unexpectedly, with exit code ${code}`));
      }
      resolve();
    });
  });
  worker.unref();
  return {
    post: (order) => worker.postMessage(order),
    hold: (held) => (held ? worker.ref() : worker.unref()),
    ended,
  };
}

/** What lives for a moment takes four times this where nobody says; a run has little of it. */
const YOUNG_MB = 4;

/** A CommonJS bundle has no `import.meta`. */
const HERE = import.meta.url ?? pathToFileURL(__filename).href;

/** Whether this runs from the sources, without being built. */
const isSource = HERE.endsWith(".ts");

/**
 * A program that runs a file of TypeScript, which a thread of Node 20 cannot. Its own place is the folder that the process
 * is in, so that the translator is named by where it lies: as a module, since the other form of it does not find its parts.
 */
function translated(file: URL): string {
  const { href } = pathToFileURL(
    createRequire(HERE)
      .resolve("tsx/esm/api")
      .replace(/\.cjs$/, ".mjs"),
  );
  const [translator, program] = [href, file.href].map((address) => JSON.stringify(address));
  return `import(${translator}).then(({ register }) => { register(); return import(${program}); });`;
}

const runThreadFile = (): URL =>
  threadFile(isSource ? "run-thread.ts" : "run-thread.js", { beside: HERE, inPackage: "dist/remote/node" });
