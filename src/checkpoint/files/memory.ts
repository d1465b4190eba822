import { memorySource } from "../bytes/byte-sources/memory.ts";
import { joinPieces } from "../bytes/join-pieces.ts";
import type { WritableFiles } from "../files.ts";
import { gatheredFiles } from "./gathered.ts";
import { checkBelow } from "./paths.ts";

/** A folder in memory, which begins with `contents` by path; texts become UTF-8. */
export function memoryFiles(
  contents: Readonly<Record<string, string | Uint8Array>> = {},
  name = "memory",
): WritableFiles {
  const table = new Map(
    Object.entries(contents).map(([path, content]) => [
      checkBelow(name, path),
      typeof content === "string" ? new TextEncoder().encode(content) : content,
    ]),
  );
  const files = gatheredFiles(table, name, memorySource);
  const writable = (folder: string, read: typeof files): WritableFiles => {
    const full = (path: string): string => (folder === "" ? "" : `${folder}/`) + checkBelow(read.name, path);
    return {
      ...read,
      async write(path, pieces) {
        const key = full(path);
        table.set(key, await joinPieces(pieces));
      },
      temporaryName: (path) => `${path}.${crypto.randomUUID()}`,
      async remove(path) {
        table.delete(full(path));
      },
      at: (path) => writable(full(path), read.at(path)),
    };
  };
  return writable("", files);
}
