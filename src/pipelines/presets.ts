import type { CachePolicy } from "../deepcache/policies.ts";
import type { SamplerName } from "../diffusion/samplers.ts";
import type { OpenedModel } from "../systems/open-model.ts";
import { nearestPoint, type Profile, type TunedPoint } from "../systems/recommended/profile.ts";

type TaskName = OpenedModel["kind"];

/** How much quality to give for speed: sampler, steps and cache in one word. */
export type PresetName = "fast" | "balanced" | "quality";

/** What a preset sets where nothing was tuned for the model. */
export interface Preset {
  readonly sampler: SamplerName;
  readonly steps: number;
  readonly speedup: number;
}

/**
 * For prompts, measured on the embedded model (docs/findings.md): about 8.5, 12 and 20 full-step equivalents. For the other
 * kinds there are no trained weights to measure with: DDIM with the speed-ups of the paper's tables 1 and 2.
 */
export const PRESETS: Readonly<Record<TaskName, Readonly<Record<PresetName, Preset>>>> = {
  "text-to-image": {
    fast: { sampler: "dpmpp-2m-karras", steps: 16, speedup: 1.9 },
    balanced: { sampler: "dpmpp-2m-karras", steps: 20, speedup: 1.71 },
    quality: { sampler: "dpmpp-2m-karras", steps: 36, speedup: 1.8 },
  },
  "class-to-image": {
    fast: { sampler: "ddim", steps: 50, speedup: 5 },
    balanced: { sampler: "ddim", steps: 50, speedup: 3 },
    quality: { sampler: "ddim", steps: 250, speedup: 5 },
  },
  "unconditional-image": {
    fast: { sampler: "ddim", steps: 50, speedup: 2 },
    balanced: { sampler: "ddim", steps: 100, speedup: 2 },
    quality: { sampler: "ddim", steps: 100, speedup: 1.5 },
  },
};

/** The names of presets. */
export const PRESET_NAMES = Object.keys(PRESETS["text-to-image"]) as readonly PresetName[];

/** What a request may say of speed, and what contradicts it. */
interface Asked {
  readonly preset?: PresetName | undefined;
  readonly speedup?: number | undefined;
  readonly sampler?: string | undefined;
  readonly steps?: number | undefined;
  readonly timesteps?: unknown;
  readonly sigmas?: unknown;
  readonly cache?: unknown;
  readonly image?: unknown;
}

/** Sampler, steps and cache that a preset or a speed-up comes to. */
export interface Choice {
  readonly sampler?: string | undefined;
  readonly steps?: number | undefined;
  readonly timesteps?: readonly number[] | undefined;
  /** Where it was tuned; elsewhere the run finds the policy for its `speedup`. */
  readonly cache?: CachePolicy | undefined;
  readonly speedup?: number | undefined;
  /** Where it comes from, with what was measured. */
  readonly tuned?: TunedPoint | undefined;
}

/** What a model brings to a choice: its own sampler and steps, and what was tuned for it. */
export interface ModelChoices {
  readonly sampler?: string | undefined;
  readonly steps?: number | undefined;
  readonly profile?: Profile | undefined;
}

/**
 * What a preset or a speed-up comes to: a setting of the model's profile where one takes about as much, for a speed-up of
 * the same sampler and steps. Nothing where the request has neither; what contradicts a preset is refused.
 */
export function chooseFor(
  asked: Asked,
  task: TaskName,
  { profile, sampler: own, steps: published }: ModelChoices = {},
): Choice | undefined {
  const { preset, speedup, sampler, steps } = asked;
  // What is tuned is a whole schedule.
  const whole =
    profile !== undefined && [asked.timesteps, asked.sigmas, asked.image].every((value) => value === undefined);
  if (preset !== undefined) {
    const found = PRESETS[task][preset];
    if (found === undefined) {
      throw new RangeError(`Cannot use the preset "${preset}": ${PRESET_NAMES.join(", ")} are there`);
    }
    refuseBeside(asked);
    return (whole && tunedChoice(profile, found.steps / found.speedup)) || found;
  }
  if (speedup === undefined) return undefined;
  const uncached = steps ?? published ?? 0;
  const fits = (point: TunedPoint): boolean =>
    point.timesteps === undefined && point.sampler === (sampler ?? own) && point.steps === uncached;
  const tuned = whole && speedup > 1 ? tunedChoice(profile, uncached / speedup, fits) : undefined;
  return tuned ?? { sampler, steps, speedup };
}

function tunedChoice(profile: Profile, fse: number, fits?: (point: TunedPoint) => boolean): Choice | undefined {
  const tuned = nearestPoint(profile, fse, fits);
  if (tuned === undefined) return undefined;
  const { sampler, steps, timesteps, cache } = tuned;
  return { sampler, steps, ...(timesteps === undefined ? {} : { timesteps }), cache, tuned };
}

const CHOSEN = ["sampler", "steps", "timesteps", "sigmas", "cache", "speedup"] as const;

function refuseBeside(asked: Asked): void {
  const other = CHOSEN.find((name) => asked[name] !== undefined);
  if (other !== undefined) {
    throw new TypeError(`Cannot use "${other}" together with a preset: a preset chooses sampler, steps and cache`);
  }
}
