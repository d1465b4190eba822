import { appendFileSync, closeSync, fstatSync, openSync, readSync, rmSync, statSync, truncateSync } from "node:fs";
import { dirname, join } from "node:path";
import { makeFolder, writeWhole } from "../../../checkpoint/files/write.ts";
import type { Store } from "../store.ts";

/** A store in a folder, which is made where it is missing. */
export function folderStore(folder: string): Store {
  const made = new Set<string>();
  const place = (name: string): string => {
    const path = join(folder, name);
    const parent = dirname(path);
    if (!made.has(parent)) makeFolder(parent);
    made.add(parent);
    return path;
  };
  return {
    read: (name, begin = 0, end) => readPart(join(folder, name), begin, end),
    size: (name) => statSync(join(folder, name), { throwIfNoEntry: false })?.size,
    // Under a name that the next attempt takes again, so that a kill leaves nothing behind for good.
    write(name, content) {
      const path = place(name);
      writeWhole(path, content, `${path}.part`);
    },
    append: (name, content) => named(join(folder, name), () => append(place(name), content)),
    truncate: (name, size) => named(join(folder, name), () => truncateSync(join(folder, name), size)),
  };
}

/** A file for which there is no room is not left there empty. */
function append(path: string, content: Uint8Array | string): void {
  try {
    appendFileSync(path, content);
  } catch (cause) {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found?.isFile() === true && found.size === 0) rmSync(path, { force: true });
    throw cause;
  }
}

/** Some errors of the file system, a full disk above all, do not say on which file. */
function named(path: string, write: () => void): void {
  try {
    write();
  } catch (cause) {
    throw new Error(`Cannot write "${path}"`, { cause });
  }
}

function readPart(path: string, begin: number, end: number | undefined): Uint8Array | undefined {
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
  const file = openSync(path, "r");
  try {
    const last = Math.min(end ?? Number.POSITIVE_INFINITY, fstatSync(file).size);
    const bytes = new Uint8Array(Math.max(0, last - begin));
    let offset = 0;
    while (offset < bytes.length) {
      const read = readSync(file, bytes, offset, bytes.length - offset, begin + offset);
      if (read === 0) throw new Error(`Cannot read "${path}": it became shorter meanwhile`);
      offset += read;
    }
    return bytes;
  } finally {
    closeSync(file);
  }
}
