import { copyFile, link, readlink, rename, rm, symlink } from "node:fs/promises";
import { dirname, relative } from "node:path";
import { makeFolder, temporaryName } from "../../../checkpoint/files/write.ts";

/**
 * Lets `path` stand for a blob: by a relative link, as Python's library does; by a hard link where the system allows none,
 * as Windows may; by a copy where the disk has neither. It appears at once, in place of what was there.
 */
export async function placeLink(blob: string, path: string): Promise<void> {
  const target = relative(dirname(path), blob);
  if ((await readlink(path).catch(() => undefined)) === target) return;
  makeFolder(dirname(path));
  const temporary = temporaryName(path);
  try {
    await symlink(target, temporary)
      .catch(async () => await link(blob, temporary))
      .catch(async () => await copyFile(blob, temporary));
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw cause;
  }
}
