// A thread with sessions of ONNX Runtime or OpenVINO; thread.ts starts it.
import { createRequire } from "node:module";
import { parentPort, workerData } from "node:worker_threads";
import { openVinoLibrary } from "../../openvino/openvino-library.js";
import { openVinoModule } from "../../openvino/openvino-module.js";
import { buffersOf, sessionHost } from "../../sessions/session-host.js";
import { threadGuard } from "./guard.js";

/** @import { Question } from "../../sessions/messages.ts" */

const port = /** @type {import("node:worker_threads").MessagePort} */ (parentPort);
const { enter, leave } = threadGuard(workerData.flags);

process.on("exit", leave); // where it fails

const require = createRequire(import.meta.url);
/** The folder of ONNX Runtime, or where OpenVINO lies. @type {string | import("../../openvino/load-openvino.ts").OpenVinoPaths} */
const from = workerData.runtime;
const runtime =
  typeof from === "string" ? require(from) : openVinoModule(() => openVinoLibrary(require(from.koffi), from.library));
const ask = sessionHost(runtime, { owned: true, quiet: workerData.quiet, enter });
leave();

/** @typedef {{ readonly number: number, readonly question?: Question, readonly freed?: readonly number[] }} Message */

port.on("message", async (/** @type {Message} */ { number, question, freed }) => {
  if (freed !== undefined) void ask({ kind: "free", tensors: freed }); // before the question, as it is answered in turn
  if (question === undefined) {
    port.close(); // nothing is left to wait for: the thread ends
    return;
  }
  try {
    const answer = await ask(question);
    if (question.kind === "free") return;
    const copied = question.kind === "read" && question.copy;
    const moved = copied ? [] : buffersOf(Object.values(answer.results).map(({ data }) => data));
    port.postMessage({ number, answer }, moved);
  } catch (error) {
    port.postMessage({ number, error });
  }
});
