import { DeepCacheError } from "../../errors/deepcache-error.ts";
import type { HostListener, HostThread } from "../caller.ts";
import type { News, Order } from "../messages.ts";
import type { WebModelOrder } from "./model-order.ts";

interface WebWorker {
  postMessage(order: Order<WebModelOrder>): void;
  terminate(): void;
  onmessage: ((event: { readonly data: News }) => void) | null;
  onerror: ((event: { readonly message?: string; preventDefault?(): void }) => void) | null;
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
  worker.onmessage = ({ data: news }) => {
    hear(news);
    if (news.kind !== "ended") return;
    worker.terminate();
    end();
  };
  worker.onerror = ({ message, preventDefault }) => {
    preventDefault?.();
    worker.terminate();
    const reason = message ?? "its script cannot be loaded";
    gone(
      new DeepCacheError(
        "RUNTIME_MISSING",
        `Cannot run the model in a worker of its own: ${reason}; thread: "caller" runs it in the page`,
      ),
    );
    end();
  };
  return { post: (order) => worker.postMessage(order), hold() {}, ended };
}

declare const Worker: new (url: URL, options: { readonly type: "module" }) => WebWorker;
