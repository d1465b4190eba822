import { access, constants, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { makeFolder, regularTarget } from "../../checkpoint/files/write.ts";

/**
 * Refuses an output that could not be written, before the work is done: only new and regular files are written, in folders
 * that are there or can be made.
 */
export async function checkWritable(path: string): Promise<void> {
  let target: string;
  try {
    target = regularTarget(path);
  } catch (cause) {
    const isSystems = cause instanceof Error && "syscall" in cause;
    if (!isSystems) throw cause;
    if (!("code" in cause && cause.code === "ENOTDIR")) throw new Error(`Cannot write "${path}"`, { cause });
    target = path; // what stands in its way is told below
  }
  await checkFolderWritable(dirname(target), path);
}

/** Refuses a folder that could neither be written to nor be made; `path` is what messages call it. */
export async function checkFolderWritable(folder: string, path = folder): Promise<void> {
  const nearest = await nearestFolder(folder);
  try {
    await access(nearest, constants.W_OK);
  } catch (cause) {
    throw new Error(`Cannot write "${path}": folder "${nearest}" is not writable`, { cause });
  }
}

/** Makes the folder that `path` lies in. */
export function makeFolderOf(path: string): void {
  try {
    makeFolder(dirname(path));
  } catch (cause) {
    throw new Error(`Cannot write "${path}"`, { cause });
  }
}

/** The part of `folder` that is there, in which the rest can be made. */
async function nearestFolder(folder: string): Promise<string> {
  const existing = await stat(folder).catch(() => undefined);
  if (existing?.isDirectory() === true) return folder;
  const parent = dirname(folder);
  if (existing !== undefined || parent === folder) throw new Error(`Cannot write into "${folder}": it is no folder`);
  return await nearestFolder(parent);
}
