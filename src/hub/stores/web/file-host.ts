import type { DirectoryHandle, FileHandle } from "../../../checkpoint/files/handles.ts";
import type { AskFiles, FileAnswer, FileQuestion } from "./origin-file.ts";

/** Writes in place, and where a file ends; workers alone have it. */
interface SyncAccess {
  read(into: Uint8Array, options: { readonly at: number }): number;
  write(bytes: Uint8Array, options: { readonly at: number }): number;
  truncate(size: number): void;
  getSize(): number;
  flush(): void;
  close(): void;
}

interface LocalFile extends FileHandle {
  createSyncAccessHandle?(): Promise<SyncAccess>;
}

interface Storage {
  readonly navigator: { readonly storage: { getDirectory(): Promise<DirectoryHandle> } };
}

/** The root of the page's own file system. */
export async function originRoot(): Promise<DirectoryHandle> {
  return await (globalThis as unknown as Storage).navigator.storage.getDirectory();
}

/** Whether this thread is one that writes in place. */
export const canHostFiles = (): boolean => {
  const { FileSystemFileHandle: handle } = globalThis as { readonly FileSystemFileHandle?: { prototype: object } };
  return handle !== undefined && "createSyncAccessHandle" in handle.prototype;
};

/** A page that has just gone holds its files for a moment. */
const ATTEMPTS = 20;
const PAUSE = 50;

/** Holds files in this thread, and answers questions one after the other. */
export function fileHost(): AskFiles {
  const open = new Map<number, SyncAccess>();
  const opened = (file: number): SyncAccess => {
    const access = open.get(file);
    if (access === undefined) throw new Error("Cannot use a file of the browser: it is not open");
    return access;
  };
  const work = async (question: FileQuestion): Promise<FileAnswer> => {
    if (question.kind === "open") open.set(question.file, await accessTo(question.path));
    const access = opened(question.file);
    switch (question.kind) {
      case "open":
        return { size: access.getSize() };
      case "read": {
        const bytes = new Uint8Array(question.length);
        return { size: access.getSize(), bytes: bytes.subarray(0, access.read(bytes, { at: question.at })) };
      }
      case "append":
        return { size: append(access, question.bytes) };
      case "truncate":
        access.truncate(0);
        return { size: 0 };
      case "close": {
        const size = access.getSize();
        open.delete(question.file);
        access.flush();
        access.close();
        return { size };
      }
    }
  };
  let last: Promise<unknown> = Promise.resolve();
  return (question) => {
    const answer = last.then(() => work(question));
    last = answer.catch(() => {});
    return answer;
  };
}

/** Where there is no more room, browsers throw, write less, or say so by the size of the file alone. */
function append(access: SyncAccess, bytes: Uint8Array): number {
  const at = access.getSize();
  access.write(bytes, { at });
  const size = access.getSize();
  if (size !== at + bytes.length) throw new DOMException(`${size - at} of ${bytes.length} bytes`, "QuotaExceededError");
  return size;
}

async function accessTo(path: readonly string[]): Promise<SyncAccess> {
  const folders = path.slice(0, -1);
  let at = await originRoot();
  for (const name of folders) at = await at.getDirectoryHandle(name, { create: true });
  const handle = (await at.getFileHandle(path.at(-1) ?? "", { create: true })) as LocalFile;
  for (let attempt = 1; ; attempt++) {
    try {
      const access = await handle.createSyncAccessHandle?.();
      if (access !== undefined) return access;
      throw new Error("Cannot write files: this browser gives no way to");
    } catch (error) {
      const isTaken = Object(error).name === "NoModificationAllowedError";
      if (!isTaken || attempt === ATTEMPTS) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }
}
