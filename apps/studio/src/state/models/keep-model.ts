import { EngineError, type OwnPlace } from "../../engine/engine.ts";
import { filesBelow } from "../../engine/own-files.ts";
import type { FileProgress } from "../run-state.ts";
import { keptFolder, ownPlace, remember } from "./own-models.ts";

/** Copies a model of the visitor's own among this page's files; it is opened from there from then on. */
export async function* keepInBrowser(place: OwnPlace, signal: AbortSignal): AsyncGenerator<FileProgress, void> {
  const files = place.kind === "folder" ? await filesBelow(place.folder) : place.files;
  await requireRoom(
    place.name,
    files.reduce((sum, { size }) => sum + size, 0),
  );
  const all = await keptFolder();
  const kept = crypto.randomUUID();
  try {
    const folder = await (await all.getDirectoryHandle(kept, { create: true })).getDirectoryHandle(place.name, {
      create: true,
    });
    const copies: FileSystemFileHandle[] = [];
    for (const file of files) copies.push(yield* copied(file, folder, signal));
    await navigator.storage.persist?.(); // without this, a browser that is short of room may remove it
    const handles = files.some((file) => pathOf(file).includes("/")) ? [folder] : copies;
    await remember(await ownPlace({ name: place.name, handles }), handles, kept);
  } catch (error) {
    await all.removeEntry(kept, { recursive: true }).catch(() => {});
    if ((error as Error).name !== "QuotaExceededError") throw error;
    throw new EngineError(`Cannot keep "${place.name}": this browser has no more room for the page`, { cause: error });
  }
}

/** Refuses where this browser has less room left for the page. */
async function requireRoom(name: string, bytes: number): Promise<void> {
  const { quota = Number.POSITIVE_INFINITY, usage = 0 } = await navigator.storage.estimate();
  const short = bytes - (quota - usage);
  if (short > 0)
    throw new EngineError(`Cannot keep "${name}": the page lacks ${Math.ceil(short / 1e6)} MB of room here`);
}

/** A file's path, the name of the folder that was given first. */
const pathOf = ({ name, webkitRelativePath }: File): string => (webkitRelativePath === "" ? name : webkitRelativePath);

async function* copied(
  file: File,
  folder: FileSystemDirectoryHandle,
  signal: AbortSignal,
): AsyncGenerator<FileProgress, FileSystemFileHandle> {
  const path = pathOf(file);
  const names = path.split("/");
  const name = names.pop() ?? path;
  let at = folder;
  for (const each of names.slice(1)) at = await at.getDirectoryHandle(each, { create: true });
  const copy = await at.getFileHandle(name, { create: true });
  const sink = await copy.createWritable();
  const reader = file.stream().getReader();
  let loaded = 0;
  try {
    while (true) {
      signal.throwIfAborted();
      const { done, value } = await reader.read();
      if (done) break;
      await sink.write(value);
      loaded += value.length;
      yield { file: path, loaded, total: file.size };
    }
  } finally {
    await reader.cancel().catch(() => {});
    await sink.close().catch(() => {});
  }
  const { size } = await copy.getFile();
  // Browsers without room may write less than they are given, and say nothing.
  if (size !== file.size) throw new EngineError(`Cannot keep ${path}: ${size} of ${file.size} bytes were written`);
  return copy;
}
