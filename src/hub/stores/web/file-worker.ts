// A worker that holds files of the page's own file system while downloads are written to them: pages cannot write in place.
import { fileHost } from "./file-host.ts";
import type { FileQuestion } from "./origin-file.ts";

interface WorkerScope {
  postMessage(answer: object): void;
  addEventListener(
    kind: "message",
    hear: (event: { readonly data: { readonly id: number; readonly question: FileQuestion } }) => void,
  ): void;
}

const scope = globalThis as unknown as WorkerScope;
const ask = fileHost();
scope.addEventListener("message", async ({ data: { id, question } }) => {
  try {
    scope.postMessage({ id, answer: await ask(question) });
  } catch (error) {
    const { name, message } = error as Error;
    scope.postMessage({ id, error: { name, message } });
  }
});
