import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { memoryFiles } from "../../../src/checkpoint/files/memory.ts";
import type { Files, WritableFiles } from "../../../src/checkpoint/files.ts";

/** A copy of a folder on disk in memory. */
export function copiedFiles(folder: string): WritableFiles {
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  return memoryFiles(
    Object.fromEntries(paths.map((path) => [relative(folder, path).replaceAll(sep, "/"), readFileSync(path)])),
    "copy",
  );
}

/** `files`, of which every listing and every opening is noted in `calls`. */
export function notedFiles(files: Files, calls: string[], below = ""): Files {
  const at = (path: string): string => (below === "" ? path : `${below}/${path}`);
  return {
    name: files.name,
    async list(wanted) {
      calls.push(`list ${below}`);
      return await files.list(wanted);
    },
    async kind(path) {
      calls.push(`kind ${at(path)}`);
      return await files.kind(path);
    },
    async open(path) {
      calls.push(`open ${at(path)}`);
      return await files.open(path);
    },
    at: (path) => notedFiles(files.at(path), calls, at(path)),
  };
}
