// A Web Worker that a whole pipeline runs in; start-worker.ts starts it.
import { setBase } from "../../checkpoint/files/place-browser.ts";
import { webRuntime } from "../../runtime/web/web.ts";
import { hostPipeline } from "../host.ts";
import type { News, Order } from "../messages.ts";
import { openWebOrdered, type WebModelOrder } from "./model-order.ts";

interface WorkerScope {
  postMessage(news: News): void;
  addEventListener(kind: "messageerror", hear: () => void): void;
  addEventListener(kind: "message", hear: (event: { readonly data: Order<WebModelOrder> }) => void): void;
}

const scope = globalThis as unknown as WorkerScope;
const tell = (news: News): void => scope.postMessage(news);

const carryOut = hostPipeline<WebModelOrder>({
  tell,
  async open(model) {
    setBase(model.base);
    return await openWebOrdered(model, webRuntime, (fetched) => tell({ kind: "fetched", fetched }));
  },
});
scope.addEventListener("message", ({ data }) => carryOut(data));
scope.addEventListener("messageerror", () => {
  throw new Error("what it was told cannot be read"); // which ends it, and what was asked of it
});
