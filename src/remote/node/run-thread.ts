// A thread that a whole pipeline runs in; start-thread.ts starts it.
import { parentPort, workerData } from "node:worker_threads";
import { guardedRuntime } from "../../runtime/node/node.ts";
import { onnxRuntime } from "../../runtime/node/onnxruntime.ts";
import { threadGuard } from "../../runtime/node/places/guard.js";
import { hostPipeline } from "../host.ts";
import type { Order } from "../messages.ts";
import { type ModelOrder, openOrdered } from "./model-order.ts";

const port = parentPort;
if (port === null) throw new Error("This file is run in a thread of its own");
const { enter, leave } = threadGuard(workerData.flags);

process.on("exit", leave); // where it fails

onnxRuntime();
leave();

/** Nothing is left to wait for. Deno's port cannot be closed, its thread can. */
function end(): void {
  if (port !== null && typeof port.close === "function") port.close();
  else (globalThis as { close?: () => void }).close?.();
}

const carryOut = hostPipeline<ModelOrder>({
  tell(news) {
    port.postMessage(news);
    if (news.kind === "ended") end();
  },
  open: (model) => openOrdered(model, (options) => guardedRuntime(options, enter)),
});
port.on("message", (order: Order<ModelOrder>) => carryOut(order));
