import type { WritableFiles } from "../files.ts";

/** Writes `pieces` to `path` unless a file is there already, which is then complete; says whether it wrote. */
export async function ensureFile(
  files: WritableFiles,
  path: string,
  pieces: () => Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
): Promise<boolean> {
  if ((await files.kind(path)) === "file") return false;
  await files.write(path, pieces());
  return true;
}
