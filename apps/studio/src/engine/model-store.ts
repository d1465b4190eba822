import { download, type Stored } from "./download.ts";

/** A model that lies beside the page, file by file. */
export interface ServedModel {
  readonly name: string;
  /** Relative to the page, with a slash at its end. */
  readonly url: string;
  readonly files: readonly ServedFile[];
}

/** A file of it. */
export interface ServedFile {
  readonly path: string;
  readonly bytes: number;
  /** SHA-256 in hexadecimal. */
  readonly hash: string;
}

/** Bytes of all files of a model. */
export const sizeOf = ({ files }: ServedModel): number => files.reduce((sum, { bytes }) => sum + bytes, 0);

/** How a model is kept. */
export interface StoreOptions {
  readonly signal?: AbortSignal | undefined;
  /** Where; the page's own files (OPFS) where left out. */
  readonly root?: FileSystemDirectoryHandle | undefined;
}

/** Why a model is not kept: there is no room, or the browser keeps nothing. */
export class NoRoomError extends Error {
  override readonly name = "NoRoomError";
}

/**
 * Keeps a model in this browser and gives its folder last. What is there is not fetched again; what was cut off goes on at its
 * byte; what is not as it should be is refused.
 */
export async function* keepModel(
  model: ServedModel,
  { signal, root }: StoreOptions = {},
): AsyncGenerator<Stored, FileSystemDirectoryHandle> {
  const folder = await (await folderIn(root)).getDirectoryHandle(model.name, { create: true });
  const missing: ServedFile[] = [];
  for (const file of model.files) {
    const there = await sizeAt(folder, file.path);
    if (there === file.bytes) yield { file: file.path, loaded: file.bytes, total: file.bytes };
    else missing.push(file);
  }
  await requireRoom(missing.reduce((sum, { bytes }) => sum + bytes, 0));
  for (const file of missing) yield* keepFile(folder, model.url, file, signal);
  return folder;
}

async function folderIn(root: FileSystemDirectoryHandle | undefined): Promise<FileSystemDirectoryHandle> {
  try {
    return await (root ?? (await navigator.storage.getDirectory())).getDirectoryHandle("models", { create: true });
  } catch (cause) {
    throw new NoRoomError("This browser keeps no files for pages", { cause });
  }
}

/** Refuses where this browser has less room left for the page. */
export async function requireRoom(bytes: number): Promise<void> {
  if (bytes === 0) return;
  const { quota = Number.POSITIVE_INFINITY, usage = 0 } = await navigator.storage.estimate();
  const short = bytes - (quota - usage);
  if (short > 0) throw new NoRoomError(`This browser's room for the page is ${Math.ceil(short / 1e6)} MB short`);
}

async function* keepFile(
  folder: FileSystemDirectoryHandle,
  base: string,
  { path, bytes, hash }: ServedFile,
  signal: AbortSignal | undefined,
): AsyncGenerator<Stored, void> {
  const part = await handleAt(folder, `${path}.part`);
  yield* download(part, base + path, { path, bytes, hash }, { signal });
  const file = await part.getFile();
  const found = await digestOf(file);
  if (file.size !== bytes || found !== hash) {
    await removeAt(folder, `${path}.part`);
    throw new Error(
      `Cannot use ${path}: ${file.size} bytes with the digest ${found.slice(0, 12)} came, ${bytes} with ${hash.slice(0, 12)} are required; try again`,
    );
  }
  const whole = await handleAt(folder, path);
  await file.stream().pipeTo(await whole.createWritable());
  await removeAt(folder, `${path}.part`);
  yield { file: path, loaded: bytes, total: bytes };
}

async function digestOf(file: File): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function folderOf(folder: FileSystemDirectoryHandle, path: string, create: boolean) {
  const names = path.split("/");
  const name = names.pop() ?? path;
  let at = folder;
  for (const each of names) at = await at.getDirectoryHandle(each, { create });
  return { at, name };
}

async function handleAt(folder: FileSystemDirectoryHandle, path: string): Promise<FileSystemFileHandle> {
  const { at, name } = await folderOf(folder, path, true);
  return await at.getFileHandle(name, { create: true });
}

async function sizeAt(folder: FileSystemDirectoryHandle, path: string): Promise<number | undefined> {
  try {
    const { at, name } = await folderOf(folder, path, false);
    return (await (await at.getFileHandle(name)).getFile()).size;
  } catch {
    return undefined;
  }
}

async function removeAt(folder: FileSystemDirectoryHandle, path: string): Promise<void> {
  const { at, name } = await folderOf(folder, path, false);
  await at.removeEntry(name);
}
