import { canHostFiles, fileHost } from "./file-host.ts";
import type { AskFiles, FileAnswer, FileQuestion } from "./origin-file.ts";

interface Reply {
  readonly id: number;
  readonly answer?: FileAnswer;
  readonly error?: { readonly name: string; readonly message: string };
}

interface FileWorker {
  postMessage(message: { readonly id: number; readonly question: FileQuestion }): void;
  terminate(): void;
  onmessage: ((event: { readonly data: Reply }) => void) | null;
  onerror: ((event: { readonly message?: string }) => void) | null;
}

declare const Worker: new (url: URL, options: { readonly type: "module" }) => FileWorker;

/** Files in this thread where it can have them, otherwise in a worker, which is there as long as files are open. */
export const askFiles = (): AskFiles => (canHostFiles() ? fileHost() : elsewhere());

function elsewhere(): AskFiles {
  const waiting = new Map<number, { resolve(answer: FileAnswer): void; reject(error: Error): void }>();
  const files = new Set<number>();
  let worker: FileWorker | undefined;
  let numbers = 0;
  const end = (): void => {
    worker?.terminate();
    worker = undefined;
  };
  const start = (): FileWorker => {
    // Bundlers look for exactly these words to make a file of the worker.
    const started = new Worker(new URL("./file-worker.js", import.meta.url), { type: "module" });
    started.onmessage = ({ data: { id, answer, error } }) => {
      const asker = waiting.get(id);
      waiting.delete(id);
      if (answer !== undefined) asker?.resolve(answer);
      else asker?.reject(new DOMException(error?.message, error?.name));
    };
    started.onerror = ({ message = "its script cannot be loaded" }) => {
      end();
      for (const { reject } of waiting.values()) reject(new Error(`Cannot keep files: their worker fails: ${message}`));
      waiting.clear();
      files.clear();
    };
    return started;
  };
  return async (question) => {
    worker ??= start();
    files.add(question.file);
    numbers += 1;
    const id = numbers;
    const answer = new Promise<FileAnswer>((resolve, reject) => waiting.set(id, { resolve, reject }));
    worker.postMessage({ id, question });
    try {
      return await answer;
    } catch (error) {
      if (question.kind === "open") files.delete(question.file);
      throw error;
    } finally {
      if (question.kind === "close") files.delete(question.file);
      if (files.size === 0) end();
    }
  };
}
