// One session of ONNX Runtime in a thread of its own; thread-session.ts starts it and says what the messages are.
// In JavaScript, since Node takes no other language for a thread where the sources run without having been built.
import { createRequire } from "node:module";
import { parentPort, workerData } from "node:worker_threads";

/** @import { InferenceSession, Tensor } from "onnxruntime-node" */
/** @import { OnnxRuntime } from "./onnxruntime.ts" */
/** @import { Feed, Question } from "./thread-session.ts" */

const port = /** @type {import("node:worker_threads").MessagePort} */ (parentPort);
const { runtime, model, options } = workerData;
/** @type {OnnxRuntime} */
const ort = createRequire(import.meta.url)(runtime);

/** @type {Record<string, Tensor>} */
const kept = {};

/** @param {readonly Feed[]} feeds */
function take(feeds) {
  /** @type {Record<string, Tensor>} */
  const given = {};
  for (const { name, data, dims, once } of feeds) (once ? given : kept)[name] = new ort.Tensor(data, dims);
  return given;
}

/** @param {() => Promise<{ message?: object, moved?: ArrayBuffer[] }>} work */
async function answer(work) {
  try {
    const { message, moved = [] } = await work();
    port.postMessage({ message }, moved);
  } catch (error) {
    port.postMessage({ error });
  }
}

/** @type {InferenceSession} */
let session;

await answer(async () => {
  session = await ort.InferenceSession.create(model, options);
  return {};
});

port.on("message", (/** @type {Question} */ question) => {
  void answer(async () => {
    if (question.kind === "release") {
      await session.release();
      return {};
    }
    const given = take(question.feeds);
    const results = Object.entries(await session.run({ ...kept, ...given }));
    // Its memory goes now rather than when it is collected: these are the largest things that pass through here.
    structuredClone(undefined, { transfer: Object.values(given).map(({ data }) => bufferOf(data)) });
    const message = results.map(([name, { data, dims }]) => ({ name, data, dims }));
    return { message, moved: message.map(({ data }) => bufferOf(data)) };
  });
});

/** @param {Tensor["data"]} data */
function bufferOf(data) {
  return /** @type {ArrayBuffer} */ (/** @type {ArrayBufferView} */ (data).buffer);
}
