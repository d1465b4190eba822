// A thread that answers nothing: it ends, or fails, as soon as it is asked to run.
import { parentPort, workerData } from "node:worker_threads";

Atomics.store(workerData.flags, 0, 0);
parentPort?.on("message", ({ number, question }) => {
  if (question?.kind === "run") process.exit(7);
  if (question?.kind === "read") throw new Error("odd tensor");
  parentPort?.postMessage({ number, answer: { results: {} } });
});
