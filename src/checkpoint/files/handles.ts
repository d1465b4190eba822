import { blobSource } from "../bytes/byte-sources/blob.ts";
import { CheckpointError } from "../errors.ts";
import type { WritableFiles } from "../files.ts";
import { checkBelow, folderError } from "./paths.ts";

/** A file that a page was given, or has in its own file system: `FileSystemFileHandle`. */
export interface FileHandle {
  readonly kind: "file";
  readonly name: string;
  getFile(): Promise<Blob>;
  createWritable?(): Promise<WritableFile>;
}

/** What is written there only once it is closed. */
export interface WritableFile {
  write(piece: Uint8Array<ArrayBuffer>): Promise<void>;
  close(): Promise<void>;
  abort(reason?: unknown): Promise<void>;
}

/** A folder that a page was given, or its own file system (OPFS): `FileSystemDirectoryHandle`. */
export interface DirectoryHandle {
  readonly kind: "directory";
  readonly name: string;
  keys(): AsyncIterable<string>;
  getFileHandle(name: string, options?: { readonly create?: boolean }): Promise<FileHandle>;
  getDirectoryHandle(name: string, options?: { readonly create?: boolean }): Promise<DirectoryHandle>;
  removeEntry(name: string, options?: { readonly recursive?: boolean }): Promise<void>;
}

/** A folder behind a handle: one that was picked or dropped, or one of the page's own file system. */
export function handleFiles(handle: DirectoryHandle, name: string = handle.name): WritableFiles {
  return folderBelow(async () => handle, name === "" ? "the page's own files" : name);
}

/** `folder` gives the handle, making the folder if it is told to. */
function folderBelow(folder: (create: boolean) => Promise<DirectoryHandle>, name: string): WritableFiles {
  const inside = (path: string): { readonly files: typeof folder; readonly last: string } => {
    const names = checkBelow(name, path).split("/");
    const last = names.pop() ?? "";
    const files = async (create: boolean): Promise<DirectoryHandle> => {
      let at = await folder(create);
      for (const step of names) at = await at.getDirectoryHandle(step, { create });
      return at;
    };
    return { files, last };
  };
  const fileAt = async (path: string): Promise<FileHandle | undefined> => {
    const { files, last } = inside(path);
    return await missing(async () => await (await files(false)).getFileHandle(last));
  };
  const folderAt = (path: string): typeof folder => {
    const { files, last } = inside(path);
    return async (create) => await (await files(create)).getDirectoryHandle(last, { create });
  };
  return {
    name,
    async list(wanted = "the folder") {
      const handle = await missing(() => folder(false));
      if (handle === undefined) throw folderError(wanted, name, ": there is no such folder");
      const names = new Set<string>();
      for await (const key of handle.keys()) names.add(key);
      return names;
    },
    async kind(path) {
      if ((await fileAt(path)) !== undefined) return "file";
      return (await missing(() => folderAt(path)(false))) === undefined ? undefined : "folder";
    },
    async open(path) {
      const handle = await fileAt(path);
      if (handle !== undefined) return blobSource(await handle.getFile(), `${name}/${path}`);
      throw new CheckpointError(`Cannot read "${name}/${path}": there is no such file`);
    },
    at: (path) => folderBelow(folderAt(path), `${name}/${checkBelow(name, path)}`),
    async write(path, pieces) {
      const { files, last } = inside(path);
      const handle = await (await files(true)).getFileHandle(last, { create: true });
      await writeTo(handle, pieces, `${name}/${path}`);
    },
    temporaryName: (path) => `${path}.${crypto.randomUUID()}`,
    async remove(path) {
      const { files, last } = inside(path);
      await missing(async () => await (await files(false)).removeEntry(last));
    },
  };
}

async function writeTo(
  handle: FileHandle,
  pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  name: string,
): Promise<void> {
  const file = await handle.createWritable?.();
  if (file === undefined) throw new Error(`Cannot write "${name}": this browser gives no way to write files`);
  let length = 0;
  try {
    for await (const piece of pieces) {
      await file.write(piece as Uint8Array<ArrayBuffer>);
      length += piece.length;
    }
    await file.close();
  } catch (cause) {
    await file.abort(cause).catch(() => {});
    throw new Error(`Cannot write "${name}": ${length} bytes were written when it failed`, { cause });
  }
  const { size } = await handle.getFile();
  if (size !== length) throw new Error(`Cannot write "${name}": ${size} of ${length} bytes are there`);
}

/** What `look` finds; undefined where there is nothing of this name and kind. */
async function missing<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    const reason = Object(error) as { readonly name?: unknown };
    if (reason.name === "NotFoundError" || reason.name === "TypeMismatchError") return undefined;
    throw error;
  }
}
