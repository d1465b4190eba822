import { createHash } from "node:crypto";
import type { MeasureName } from "../../evaluation/measures.ts";
import {
  type EvaluationSettings,
  readSettings,
  settingsDifferences,
  writeSettings,
} from "../../evaluation/store/settings.ts";
import type { Store } from "../../evaluation/store/store.ts";
import type { Prompt } from "../../evaluation/workload/prompts.ts";
import { SIZE_NAMES } from "../../pipelines/text-to-image/size-texts.ts";
import { VERSION } from "../../pipelines/version.ts";
import type { EvaluationFlags } from "../flags/evaluation-flags.ts";
import { UsageError } from "../flags/usage.ts";

/** What the flags come to, for prompts or classes `rows`. */
export function settingsOf(
  flags: EvaluationFlags,
  metrics: readonly MeasureName[],
  rows: readonly Prompt[],
): EvaluationSettings {
  const { policies, batch, seed, shard } = flags;
  const count = flags.count ?? rows.length;
  if (count === 0) throw new UsageError("Cannot evaluate without knowing how many images: give --count");
  const sha256 = createHash("sha256").update(JSON.stringify(rows)).digest("hex");
  return {
    ...{ format: 1, version: VERSION, count, batch, seed, rows: { count: rows.length, sha256 }, policies, metrics },
    ...(shard === undefined ? {} : { shard }),
    options: optionsOf(flags),
  };
}

/** The flags that are kept as they were given. */
const KEPT = [
  ...["model", "config", "variant", "ema", "tokenizer", "vae", "tinyVae", "negativePrompt", "steps", "sampler", "eta"],
  ...["timestepSelection", "guidanceScale", "guidanceRescale", "clipSkip", "width", "height", "device", "threads"],
  ...["timesteps", "sigmas", "refiner", "refinerStart", "tinyVaeFor", "precision", ...SIZE_NAMES],
  ...["clip", "features", "inception", "inceptionInput", "lpips", "reference"],
] as const;

function optionsOf(flags: EvaluationFlags): EvaluationSettings["options"] {
  const all: Readonly<Record<string, unknown>> = { ...flags };
  return Object.fromEntries(
    KEPT.flatMap((name) => {
      const value = all[name];
      return typeof value === "string" || typeof value === "number" || typeof value === "boolean"
        ? [[name, value]]
        : [];
    }),
  );
}

/** Keeps the settings in a new folder; goes on in another with the same settings only. */
export function keepSettings(store: Store, settings: EvaluationSettings, folder: string): void {
  const there = readSettings(store);
  if (there === undefined) writeSettings(store, settings);
  const differences = there === undefined ? [] : settingsDifferences(there, settings);
  if (differences.length > 0) {
    throw new UsageError(
      `Cannot go on in "${folder}" with other settings: ${differences.join("; ")}; give these settings or another --output`,
    );
  }
}
