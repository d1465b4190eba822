import { DeepCacheError } from "../../errors/deepcache-error.ts";
import type { HostListener, HostThread } from "../caller.ts";
import type { ErrorData } from "../error-data.ts";
import type { News, Order } from "../messages.ts";
import type { WebModelOrder } from "./model-order.ts";

interface WebWorker {
  postMessage(order: Order<WebModelOrder>): void;
  terminate(): void;
  onmessage: ((event: { readonly data: News }) => void) | null;
  onerror: ((event: { readonly message?: string; preventDefault(): void }) => void) | null;
  onmessageerror: (() => void) | null;
}

/** Whether this is a place that workers can be started from. */
export const hasWorkers = (): boolean => "Worker" in globalThis;

/** Starts a Web Worker that a pipeline runs in. Its memory goes back to the system when it ends. */
export function startWebWorker({ hear, gone }: HostListener): HostThread<WebModelOrder> {
  let end = (): void => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  // Bundlers look for exactly these words to make a file of the worker.
  const worker = new Worker(new URL("./run-worker.js", import.meta.url), { type: "module" });
  const stop = (): void => {
    worker.terminate();
    end();
  };
  worker.onmessage = ({ data: news }) => {
    hear(news);
    if (news.kind === "ended") stop();
    if (news.kind !== "over" || !isBroken(news.error)) return;
    stop();
    gone(new Error("Cannot run: the worker has been ended, since nothing more can be computed in it"));
  };
  const fail = (reason: string): void => {
    stop();
    gone(
      new DeepCacheError(
        "RUNTIME_MISSING",
        `Cannot run the model in a worker of its own: ${reason}; thread: "caller" runs it in the page`,
      ),
    );
  };
  worker.onerror = (event) => {
    event.preventDefault(); // it is told to whoever runs something
    fail(event.message ?? "its script cannot be loaded");
  };
  worker.onmessageerror = () => fail("what it told cannot be read");
  return { post: (order) => worker.postMessage(order), hold() {}, ended };
}

/** Whether ONNX Runtime computes nothing more after an error: its GPU is lost, or WebAssembly has stopped in the middle. */
const isBroken = (error: ErrorData | undefined): boolean =>
  error !== undefined && (error.name === "DeviceLostError" || error.name === "RuntimeError" || isBroken(error.cause));

declare const Worker: new (url: URL, options: { readonly type: "module" }) => WebWorker;
