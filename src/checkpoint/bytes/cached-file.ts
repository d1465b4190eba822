import { access, mkdir, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { CheckpointError } from "../errors.ts";
import { writeAtomically } from "./write-atomically.ts";

/** Writes `pieces` to `path` unless a file is there already; says whether it wrote. The folder is made where it is missing. */
export async function ensureFile(path: string, pieces: () => AsyncIterable<Uint8Array>): Promise<boolean> {
  try {
    await access(path);
    return false;
  } catch {
    // Not there yet.
  }
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeAtomically(path, pieces());
  } catch (cause) {
    if (cause instanceof Error && !("code" in cause)) throw cause; // not the file system's: it speaks for itself
    throw new CheckpointError(`Cannot write "${path}"`, { cause });
  }
  return true;
}

/** Removes a folder of files that can be made again, with all that is in it. */
export async function removeFolder(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
}
