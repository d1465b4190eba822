import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileSource } from "../../checkpoint/bytes/byte-sources/file.ts";
import { type MeasureName, measureNamed, type Need } from "../../evaluation/measures.ts";
import { readImageInput } from "../../image/read-image.ts";
import { openReferenceStatistics, type Reference, type ReferenceImages } from "../../metrics/reference-statistics.ts";
import { UsageError } from "../flags/usage.ts";

/**
 * Opens what sets of pictures are compared with for `metrics`: a folder of pictures, or a .npz file with statistics, whose
 * pictures are left out where the statistics will do.
 */
export async function openReference(path: string, metrics: readonly MeasureName[]): Promise<Reference> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    (cause) => {
      throw new Error(`Cannot read the reference "${path}"`, { cause });
    },
  );
  if (isFolder) return { images: await pictureFolder(path), statistics: {} };
  if (!path.toLowerCase().endsWith(".npz")) {
    throw new UsageError(`Cannot compare with "${path}": a folder of pictures or a .npz file is required`);
  }
  const { images, statistics } = await openReferenceStatistics(await fileSource(path));
  const wanting = metrics.find((name) => !isMet(name, statistics));
  if (wanting === undefined) return { statistics };
  if (images !== undefined) return { images, statistics };
  const held = Object.keys(statistics).join(" and ");
  throw new UsageError(
    `Cannot measure ${wanting} with "${path}": it holds statistics of ${held} features and no pictures`,
  );
}

/** Whether statistics are all that a metric needs of a reference. */
function isMet(name: MeasureName, statistics: Reference["statistics"]): boolean {
  if ((measureNamed(name).needs as readonly Need[]).includes("referenceImages")) return false;
  const output = STATISTICS_FOR[name];
  return output === undefined || Object.hasOwn(statistics, output);
}

/** Features whose statistics a metric compares. */
const STATISTICS_FOR: Readonly<Partial<Record<MeasureName, string>>> = { fid: "pool", sfid: "spatial", fd: "scene" };

/** Names of pictures: PNG, and with the package sharp JPEG and WebP. */
const PICTURE = /\.(png|jpe?g|webp)$/i;

/** The pictures of a folder, in the order of their names. */
export async function pictureFolder(folder: string): Promise<ReferenceImages> {
  const names = (await readdir(folder)).filter((name) => PICTURE.test(name)).sort();
  if (names.length < 2) {
    throw new UsageError(`Cannot compare with "${folder}": at least 2 PNG, JPEG or WebP files are required`);
  }
  return {
    count: names.length,
    read: async (begin, end) =>
      await Promise.all(names.slice(begin, end).map((name) => readImageInput(join(folder, name)))),
  };
}
