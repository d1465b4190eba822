import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { openClip } from "../evaluation/clip-model.ts";
import type { Reference } from "../evaluation/feature-files.ts";
import { clipInstrument } from "../evaluation/instruments/clip.ts";
import { differenceInstrument } from "../evaluation/instruments/difference.ts";
import type { FeatureInstrument, ImageInstrument } from "../evaluation/instruments.ts";
import { type MeasureName, measureNamed, type Need } from "../evaluation/measures.ts";
import { decodePng } from "../image/png.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { EvaluationFlags } from "./evaluation-flags.ts";
import { UsageError } from "./usage.ts";

/** What the asked metrics are measured with. */
export interface EvaluationInstruments extends AsyncDisposable {
  readonly instruments: readonly ImageInstrument[];
  readonly networks: readonly FeatureInstrument[];
  readonly reference: Reference | undefined;
}

/** What has to be given for each need. */
const NEEDED: Readonly<Record<Need, (flags: EvaluationFlags) => boolean>> = {
  clip: ({ clip }) => clip !== undefined,
  reference: ({ reference }) => reference !== undefined,
};

/** Refuses metrics for which a flag is missing, and flags for which no metric was asked. */
export function checkNeeds(metrics: readonly MeasureName[], flags: EvaluationFlags): void {
  for (const name of metrics) {
    const missing = measureNamed(name).needs.find((need) => !NEEDED[need](flags));
    if (missing !== undefined) throw new UsageError(`Cannot measure ${name} without --${missing}`);
  }
  const needs = new Set(metrics.flatMap((name) => measureNamed(name).needs));
  const idle = (Object.keys(NEEDED) as Need[]).find((need) => !needs.has(need) && NEEDED[need](flags));
  if (idle !== undefined) throw new UsageError(`Cannot use --${idle}: none of --metrics needs it`);
}

/** Opens what the asked metrics are measured with. */
export async function openInstruments(
  metrics: readonly MeasureName[],
  flags: EvaluationFlags,
  runtime: Runtime,
): Promise<EvaluationInstruments> {
  const scopes = new Set(metrics.map((name) => measureNamed(name).scope));
  const clip = flags.clip === undefined ? undefined : clipInstrument(runtime, await openClip(flags.clip), flags.batch);
  return {
    instruments: [
      ...(scopes.has("pair") ? [differenceInstrument] : []),
      ...(clip !== undefined && metrics.includes("clip") ? [clip] : []),
    ],
    networks: clip !== undefined && scopes.has("set") ? [clip] : [],
    reference: flags.reference === undefined ? undefined : await openReference(flags.reference),
    async [Symbol.asyncDispose]() {
      await clip?.[Symbol.asyncDispose]();
    },
  };
}

/** The pictures of a folder, in the order of their names. */
async function openReference(folder: string): Promise<Reference> {
  const names = (await listPictures(folder)).filter((name) => name.toLowerCase().endsWith(".png")).sort();
  if (names.length < 2) throw new UsageError(`Cannot compare with "${folder}": at least 2 PNG files are required`);
  return {
    count: names.length,
    read: async (begin, end) =>
      await Promise.all(names.slice(begin, end).map((name) => readPicture(join(folder, name)))),
  };
}

async function listPictures(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (cause) {
    throw new Error(`Cannot read the reference "${folder}"`, { cause });
  }
}

async function readPicture(path: string) {
  try {
    return decodePng(await readFile(path)).image;
  } catch (cause) {
    throw new Error(`Cannot read the picture "${path}"`, { cause });
  }
}
