import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileSource } from "../checkpoint/byte-sources/file.ts";
import { decodePng } from "../image/png.ts";
import type { RgbImage } from "../image/rgb-image.ts";
import { openReferenceStatistics, type Reference, type ReferenceImages } from "../metrics/reference-statistics.ts";
import { UsageError } from "./usage.ts";

/** Opens what sets of pictures are compared with: a folder of PNG files, or statistics in a .npz file. */
export async function openReference(path: string): Promise<Reference> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    (cause) => {
      throw new Error(`Cannot read the reference "${path}"`, { cause });
    },
  );
  if (isFolder) return { images: await pictureFolder(path), statistics: {} };
  if (!path.toLowerCase().endsWith(".npz")) {
    throw new UsageError(`Cannot compare with "${path}": a folder of PNG files or a .npz file is required`);
  }
  return await openReferenceStatistics(await fileSource(path));
}

/** The pictures of a folder, in the order of their names. */
export async function pictureFolder(folder: string): Promise<ReferenceImages> {
  const names = (await readdir(folder)).filter((name) => name.toLowerCase().endsWith(".png")).sort();
  if (names.length < 2) throw new UsageError(`Cannot compare with "${folder}": at least 2 PNG files are required`);
  return {
    count: names.length,
    read: async (begin, end) =>
      await Promise.all(names.slice(begin, end).map((name) => readPicture(join(folder, name)))),
  };
}

async function readPicture(path: string): Promise<RgbImage> {
  try {
    return decodePng(await readFile(path)).image;
  } catch (cause) {
    throw new Error(`Cannot read the picture "${path}"`, { cause });
  }
}
