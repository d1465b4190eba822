import { access, constants, mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";

/**
 * Refuses an output that could not be written, before the work is done: only new and regular files are written, in folders
 * that are there or can be made.
 */
export async function checkWritable(path: string): Promise<void> {
  const existing = await stat(path).catch(() => undefined);
  if (existing?.isDirectory() === true) throw new Error(`Cannot write "${path}": it is a folder`);
  if (existing !== undefined && !existing.isFile()) {
    throw new Error(`Cannot write "${path}": it is a device or a pipe, a regular file is required`);
  }
  const folder = await nearestFolder(dirname(path));
  try {
    await access(folder, constants.W_OK);
  } catch (cause) {
    throw new Error(`Cannot write "${path}": folder "${folder}" is not writable`, { cause });
  }
}

/** Makes the folder that `path` lies in. */
export async function makeFolderOf(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
}

/** The part of `folder` that is there, in which the rest can be made. */
async function nearestFolder(folder: string): Promise<string> {
  const existing = await stat(folder).catch(() => undefined);
  if (existing?.isDirectory() === true) return folder;
  const parent = dirname(folder);
  if (existing !== undefined || parent === folder) throw new Error(`Cannot write into "${folder}": it is no folder`);
  return await nearestFolder(parent);
}
