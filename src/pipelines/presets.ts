import type { SamplerName } from "../diffusion/samplers.ts";
import type { OpenedModel } from "../systems/open-model.ts";

type TaskName = OpenedModel["kind"];

/** How much quality to give for speed: sampler, steps and cache in one word. */
export type PresetName = "fast" | "balanced" | "quality";

/** What a preset sets. */
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

/** A request with what its preset sets; what would contradict it is refused. */
export function withPreset<
  Request extends {
    readonly preset?: PresetName | undefined;
    readonly sampler?: unknown;
    readonly steps?: unknown;
    readonly timesteps?: unknown;
    readonly sigmas?: unknown;
    readonly cache?: unknown;
    readonly speedup?: unknown;
  },
>({ preset, ...request }: Request, task: TaskName): Omit<Request, "preset"> {
  if (preset === undefined) return request;
  const found = PRESETS[task][preset];
  if (found === undefined) {
    throw new RangeError(`Cannot use the preset "${preset}": ${PRESET_NAMES.join(", ")} are there`);
  }
  const chosen = ["sampler", "steps", "timesteps", "sigmas", "cache", "speedup"] as const;
  const other = chosen.find((name) => request[name] !== undefined);
  if (other !== undefined) {
    throw new TypeError(`Cannot use "${other}" together with a preset: a preset chooses sampler, steps and cache`);
  }
  return { ...request, ...found };
}
