import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { openClip } from "../evaluation/clip-model.ts";
import type { Reference } from "../evaluation/feature-files.ts";
import { clipInstrument } from "../evaluation/instruments/clip.ts";
import { differenceInstrument } from "../evaluation/instruments/difference.ts";
import { type SceneInstrument, sceneInstrument } from "../evaluation/instruments/scene.ts";
import type { FeatureInstrument, ImageInstrument } from "../evaluation/instruments.ts";
import { type MeasureName, measureNamed, type Need } from "../evaluation/measures.ts";
import type { Prompt } from "../evaluation/prompts.ts";
import { decodePng } from "../image/png.ts";
import { openSceneModel, readSceneReference } from "../metrics/scene-features.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { sceneMetricsFolder } from "./default-model.ts";
import type { EvaluationFlags } from "./evaluation-flags.ts";
import { UsageError } from "./usage.ts";

/** What the asked metrics are measured with. */
export interface EvaluationInstruments extends AsyncDisposable {
  readonly instruments: readonly ImageInstrument[];
  readonly networks: readonly FeatureInstrument[];
  readonly reference: Reference | undefined;
  /** Refuses prompts that an instrument cannot judge images by. */
  checkPrompts(prompts: readonly Prompt[]): void;
}

/** What the needs of metrics come from: flags, or what comes with the embedded model. */
function placesOf({ model, clip, features }: EvaluationFlags): Readonly<Record<Need, string | undefined>> {
  const shipped = (given: string | undefined, folder: string): string | undefined =>
    given ?? (model === undefined ? folder : undefined);
  return { clip: shipped(clip, join(sceneMetricsFolder(), "clip")), features: shipped(features, sceneMetricsFolder()) };
}

/** Refuses metrics for which a flag is missing, and flags which no metric needs. */
export function checkNeeds(metrics: readonly MeasureName[], flags: EvaluationFlags): void {
  const places = placesOf(flags);
  for (const name of metrics) {
    const missing = measureNamed(name).needs.find((need) => places[need] === undefined);
    if (missing !== undefined) throw new UsageError(`Cannot measure ${name} without --${missing}`);
  }
  const needs = new Set<Need>(metrics.flatMap((name) => measureNamed(name).needs));
  const idle = (["clip", "features"] as const).find((need) => flags[need] !== undefined && !needs.has(need));
  const unused = idle ?? (flags.reference !== undefined && !comparesSets(metrics) ? "reference" : undefined);
  if (unused !== undefined) throw new UsageError(`Cannot use --${unused}: none of --metrics needs it`);
}

const comparesSets = (metrics: readonly MeasureName[]): boolean =>
  metrics.some((name) => measureNamed(name).scope === "set");

/** Opens what the asked metrics are measured with. */
export async function openInstruments(
  metrics: readonly MeasureName[],
  flags: EvaluationFlags,
  runtime: Runtime,
): Promise<EvaluationInstruments> {
  const places = placesOf(flags);
  const needs = new Set<Need>(metrics.flatMap((name) => measureNamed(name).needs));
  const clip = needs.has("clip") ? clipInstrument(runtime, await openClip(places.clip ?? ""), flags.batch) : undefined;
  const scene = needs.has("features") ? await openScene(runtime, places.features ?? "", flags.batch) : undefined;
  const judged = scene !== undefined && metrics.some((name) => scene.measures.includes(name));
  const isPair = metrics.some((name) => measureNamed(name).scope === "pair");
  return {
    instruments: [...(isPair ? [differenceInstrument] : []), ...(clip ? [clip] : []), ...(judged ? [scene] : [])],
    networks: scene !== undefined && comparesSets(metrics) ? [scene] : [],
    reference: flags.reference === undefined ? undefined : await openReference(flags.reference),
    checkPrompts(prompts) {
      if (judged) scene.checkPrompts(prompts);
    },
    async [Symbol.asyncDispose]() {
      await clip?.[Symbol.asyncDispose]();
      await scene?.[Symbol.asyncDispose]();
    },
  };
}

async function openScene(runtime: Runtime, folder: string, batch: number): Promise<SceneInstrument> {
  const model = await openSceneModel(join(folder, "network"));
  const { statistics } = await readSceneReference(join(folder, "reference.safetensors"));
  return sceneInstrument(runtime, model, statistics, batch);
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
