import { MOST_FILES, withPath } from "../engine/own-files.ts";
import type { OwnHandle } from "../state/models/own-models.ts";

/** What was dropped: handles where the browser gives them, otherwise files, those of folders by their paths. */
export interface Dropped {
  readonly handles: readonly OwnHandle[];
  readonly files: readonly File[];
}

/** An item of a drop, with what only some browsers have. */
interface Item extends DataTransferItem {
  getAsFileSystemHandle?(): Promise<FileSystemHandle | null>;
}

/** What is in a drop. */
export async function filesOfDrop({ items }: DataTransfer): Promise<Dropped> {
  // Everything has to be asked for before anything is waited for.
  const dropped = ([...items] as Item[])
    .filter(({ kind }) => kind === "file")
    .map((item) => {
      const entry = item.webkitGetAsEntry();
      // What does not lie on disk has neither; asked for a handle of it, Chromium never answers.
      const handle = entry === null ? undefined : item.getAsFileSystemHandle?.().catch(() => null);
      return { entry, file: item.getAsFile(), handle };
    });
  const handles = (await Promise.all(dropped.map(({ handle }) => handle))).flatMap((handle) =>
    handle === null || handle === undefined ? [] : [handle as OwnHandle],
  );
  const files: File[] = [];
  for (const { entry, file } of dropped) {
    if (entry?.isDirectory !== true && file !== null) files.push(file);
    else if (entry?.isDirectory === true && !handles.some(({ kind, name }) => isFolder(kind) && name === entry.name))
      files.push(...(await filesBelow(entry as FileSystemDirectoryEntry)));
  }
  return { handles, files };
}

const isFolder = (kind: FileSystemHandleKind): boolean => kind === "directory";

async function filesBelow(folder: FileSystemDirectoryEntry): Promise<File[]> {
  const found: File[] = [];
  const waiting = [folder];
  for (let next = waiting.shift(); next !== undefined && found.length < MOST_FILES; next = waiting.shift()) {
    for (const entry of await entriesOf(next)) {
      if (entry.isDirectory) waiting.push(entry as FileSystemDirectoryEntry);
      else found.push(await fileOf(entry as FileSystemFileEntry));
    }
  }
  return found;
}

async function entriesOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  while (true) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return all;
    all.push(...some);
  }
}

async function fileOf(entry: FileSystemFileEntry): Promise<File> {
  const file = await new Promise<File>((resolve, reject) => entry.file(resolve, reject));
  return withPath(file, entry.fullPath.replace(/^\//, "")); // a file of a drop does not know its folder
}
