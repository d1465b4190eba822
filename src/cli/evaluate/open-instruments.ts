import { join } from "node:path";
import type { OpenCheckpointOptions } from "../../checkpoint/open-checkpoint.ts";
import { type MeasureName, measureNamed, type Need } from "../../evaluation/measures.ts";
import { clipInstrument } from "../../evaluation/measuring/instruments/clip.ts";
import { differenceInstrument } from "../../evaluation/measuring/instruments/difference.ts";
import { inceptionInstrument } from "../../evaluation/measuring/instruments/inception.ts";
import { lpipsInstrument } from "../../evaluation/measuring/instruments/lpips.ts";
import { type SceneInstrument, sceneInstrument } from "../../evaluation/measuring/instruments/scene.ts";
import type { FeatureInstrument, ImageInstrument } from "../../evaluation/measuring/instruments.ts";
import { outputsFor } from "../../evaluation/measuring/set-measures.ts";
import type { Prompt } from "../../evaluation/workload/prompts.ts";
import { openClip } from "../../metrics/clip/clip-model.ts";
import { openInception } from "../../metrics/inception-features.ts";
import { openLpips } from "../../metrics/lpips.ts";
import type { Reference } from "../../metrics/reference-statistics.ts";
import { openSceneModel, readSceneReference } from "../../metrics/scene/scene-features.ts";
import { INCEPTION_WIDTHS, type InceptionOutput } from "../../models/judges/inception.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { sceneMetricsFolder } from "../../systems/shipped.ts";
import type { EvaluationFlags } from "../flags/evaluation-flags.ts";
import { UsageError } from "../flags/usage.ts";
import { openReference } from "./reference.ts";

/** What the asked metrics are measured with. */
export interface EvaluationInstruments extends AsyncDisposable {
  readonly instruments: readonly ImageInstrument[];
  readonly networks: readonly FeatureInstrument[];
  readonly reference: Reference;
  /** Refuses prompts that an instrument cannot judge images by. */
  checkPrompts(prompts: readonly Prompt[]): void;
}

/** What the needs of metrics come from: flags, or what comes with the embedded model. */
function placesOf({
  model,
  clip,
  features,
  inception,
  lpips,
  reference,
}: EvaluationFlags): Readonly<Record<Need, string | undefined>> {
  const shipped = (given: string | undefined, folder: string): string | undefined =>
    given ?? (model === undefined ? folder : undefined);
  return {
    clip: shipped(clip, join(sceneMetricsFolder(), "clip")),
    features: shipped(features, sceneMetricsFolder()),
    ...{ inception, lpips, reference, referenceImages: reference },
  };
}

/** Refuses metrics for which a flag is missing, and flags which no metric needs. */
export function checkNeeds(metrics: readonly MeasureName[], flags: EvaluationFlags): void {
  const places = placesOf(flags);
  for (const name of metrics) {
    const missing = measureNamed(name).needs.find((need) => places[need] === undefined);
    if (missing !== undefined) throw new UsageError(`Cannot measure ${name} without --${FLAGS[missing]}`);
  }
  const needs = new Set<Need>(metrics.flatMap((name) => measureNamed(name).needs));
  const idle = (["clip", "features", "inception", "lpips"] as const).find(
    (need) => flags[need] !== undefined && !needs.has(need),
  );
  if (flags.inceptionInput !== undefined && !needs.has("inception")) {
    throw new UsageError("Cannot use --inception-input: none of --metrics needs it");
  }
  const unused = idle ?? (flags.reference !== undefined && !comparesSets(metrics) ? "reference" : undefined);
  if (unused !== undefined) throw new UsageError(`Cannot use --${unused}: none of --metrics needs it`);
}

/** The flags that needs are met by. */
const FLAGS: Readonly<Record<Need, string>> = {
  ...{ clip: "clip", features: "features", inception: "inception", reference: "reference" },
  ...{ lpips: "lpips", referenceImages: "reference" },
};

const comparesSets = (metrics: readonly MeasureName[]): boolean =>
  metrics.some((name) => measureNamed(name).scope === "set");

/** Opens what the asked metrics are measured with. */
export async function openInstruments(
  metrics: readonly MeasureName[],
  flags: EvaluationFlags,
  runtime: Runtime,
  opening: OpenCheckpointOptions,
): Promise<EvaluationInstruments> {
  const places = placesOf(flags);
  const needs = new Set<Need>(metrics.flatMap((name) => measureNamed(name).needs));
  const clip = needs.has("clip")
    ? clipInstrument(runtime, await openClip(places.clip ?? "", opening), flags.batch)
    : undefined;
  const lpips = needs.has("lpips")
    ? lpipsInstrument(runtime, await openLpips((places.lpips ?? "").split(","), opening), flags.batch)
    : undefined;
  const scene = needs.has("features") ? await openScene(runtime, places.features ?? "", flags.batch) : undefined;
  const inception = needs.has("inception") ? await openInceptionNetwork(metrics, flags, runtime, opening) : undefined;
  const reference = flags.reference === undefined ? { statistics: {} } : await openReference(flags.reference, metrics);
  const judged = scene !== undefined && metrics.some((name) => scene.measures.includes(name));
  const differs = metrics.some((name) => differenceInstrument.measures.includes(name));
  return {
    instruments: [
      ...(differs ? [differenceInstrument] : []),
      ...(lpips ? [lpips] : []),
      ...(clip ? [clip] : []),
      ...(judged ? [scene] : []),
    ],
    networks: [...(scene !== undefined && metrics.includes("fd") ? [scene] : []), ...(inception ? [inception] : [])],
    reference,
    checkPrompts(prompts) {
      if (judged) scene.checkPrompts(prompts);
    },
    async [Symbol.asyncDispose]() {
      await clip?.[Symbol.asyncDispose]();
      await lpips?.[Symbol.asyncDispose]();
      await scene?.[Symbol.asyncDispose]();
      await inception?.[Symbol.asyncDispose]();
    },
  };
}

async function openScene(runtime: Runtime, folder: string, batch: number): Promise<SceneInstrument> {
  const model = await openSceneModel(join(folder, "network"));
  const { statistics } = await readSceneReference(join(folder, "reference.safetensors"));
  return sceneInstrument(runtime, model, statistics, batch);
}

const isInceptionOutput = (name: string): name is InceptionOutput => Object.hasOwn(INCEPTION_WIDTHS, name);

async function openInceptionNetwork(
  metrics: readonly MeasureName[],
  { inception = "", inceptionInput: input, batch }: EvaluationFlags,
  runtime: Runtime,
  opening: OpenCheckpointOptions,
) {
  const outputs = outputsFor(metrics).filter(isInceptionOutput);
  return inceptionInstrument(runtime, await openInception(inception, opening), outputs, { batch, input });
}
