import { readdir, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileSource } from "../bytes/byte-sources/file.ts";
import type { WritableFiles } from "../files.ts";
import { checkBelow, folderError } from "./paths.ts";
import { makeFolder, temporaryName, writePieces } from "./write.ts";

/**
 * A folder on disk, by its path in messages or by another name; links are followed wherever they lead, since the Hugging
 * Face cache consists of them.
 */
export function nodeFiles(folder: string, title: string = folder): WritableFiles {
  const full = (path: string): string => join(folder, checkBelow(title, path));
  const named = (path: string): string => (title === folder ? full(path) : `${title}/${path}`);
  return {
    name: title,
    path: folder,
    async list(wanted = "the folder") {
      try {
        return new Set(await readdir(folder));
      } catch (cause) {
        throw folderError(wanted, title, REASONS.get(codeOf(cause)) ?? "", cause);
      }
    },
    kind: async (path) => await pathKind(full(path)),
    open: async (path) => await fileSource(full(path), named(path)),
    at: (path) => nodeFiles(full(path), named(path)),
    async write(path, pieces) {
      const target = full(path);
      try {
        makeFolder(dirname(target));
      } catch (cause) {
        throw new Error(`Cannot write "${target}"`, { cause });
      }
      await writePieces(target, pieces);
    },
    temporaryName,
    async remove(path) {
      await rm(full(path), { force: true });
    },
  };
}

/** What lies at a path on disk, links followed; undefined where nothing does. */
export async function pathKind(path: string): Promise<"file" | "folder" | undefined> {
  try {
    return (await stat(path)).isDirectory() ? "folder" : "file";
  } catch {
    return undefined;
  }
}

const REASONS: ReadonlyMap<unknown, string> = new Map([
  ["ENOENT", ": there is no such folder"],
  ["ENOTDIR", ": it is not a folder"],
]);

const codeOf = (cause: unknown): unknown => (cause instanceof Error && "code" in cause ? cause.code : undefined);
