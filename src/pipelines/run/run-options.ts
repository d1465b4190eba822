import { type CacheOption, type CachePolicy, readCache } from "../../deepcache/policies.ts";
import { type AysModel, type ScheduleChoice, scheduleOf } from "../../diffusion/schedules/align-your-steps.ts";
import { requireRange, requireWhole } from "./requirements.ts";
import { checkSeed, type Seed } from "./seeded-noise.ts";

/** What every run can be asked for; what is left out is as the model was published. */
export interface RunOptions {
  readonly steps?: number | undefined;
  /** Whole number from 0, or one for each image; the same seed gives the noise that the reference draws on a CPU. */
  readonly seed?: Seed | undefined;
  /** Images for each prompt or class, or in all where there are none; all are made in one batch. */
  readonly count?: number | undefined;
  /** One of SAMPLER_NAMES; the model's own where left out. */
  readonly sampler?: string | undefined;
  /** Noise added on the way: 0 none, 1 as much as DDPM; any number for DDIM, up to 1 for TCD. */
  readonly eta?: number | undefined;
  /** When the whole network runs: an interval such as 3, a text such as `centered:5:15:1.4`, or data; always where left out. */
  readonly cache?: CacheOption | undefined;
  /**
   * Instead of a cache policy: how many times fewer operations than without a cache, from 1. The policy is chosen for the
   * sampler and the steps.
   */
  readonly speedup?: number | undefined;
  /** Decode a preview after every so many evaluations. */
  readonly previewEvery?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How a run is laid out in place of the sampler's own spacing; the list then says how many steps there are. */
export interface ScheduleOptions {
  /** The timesteps, highest first, or the name of a published list, such as `ays`. */
  readonly timesteps?: ScheduleChoice | undefined;
  /** The noise levels, highest first and with the one that the last step leads to, or the name of a published list. */
  readonly sigmas?: ScheduleChoice | undefined;
}

/** The lists themselves. */
export interface SettledSchedule {
  readonly timesteps: readonly number[] | undefined;
  readonly sigmas: readonly number[] | undefined;
}

/** The lists that `options` are or name; `own` is the kind of the model, where lists were computed for it. */
export function settleSchedule({ timesteps, sigmas }: ScheduleOptions, own?: AysModel): SettledSchedule {
  if (timesteps !== undefined && sigmas !== undefined) {
    throw new TypeError("Cannot sample with both timesteps and sigmas: give one of them");
  }
  return {
    timesteps: timesteps === undefined ? undefined : scheduleOf("timesteps", timesteps, own),
    sigmas: sigmas === undefined ? undefined : scheduleOf("sigmas", sigmas, own),
  };
}

/** The number of steps that a list makes. */
export const listedSteps = ({ timesteps, sigmas }: SettledSchedule): number | undefined =>
  timesteps?.length ?? (sigmas && sigmas.length - 1);

/** The same with everything decided. */
export interface SettledRun {
  readonly steps: number;
  readonly seed: Seed;
  /** In the batch. */
  readonly images: number;
  readonly cache: CachePolicy;
  /** Where it is given, the policy is found when the evaluations are known. */
  readonly speedup: number | undefined;
  readonly previewEvery: number | undefined;
  readonly signal: AbortSignal | undefined;
}

/** What a run's defaults come from. */
export interface RunDefaultsGiven {
  readonly steps: number;
  /** The number of steps that a list of timesteps or sigmas makes. */
  readonly listed?: number | undefined;
  /** Prompts or classes; 1 where a model takes neither. */
  readonly rows: number;
  /** Asked where no seed is given. */
  readonly randomSeed: () => number;
}

/** Fills in what every run has, and refuses what no run can have. */
export function settleRun(
  options: RunOptions,
  { steps: published, listed, rows, randomSeed }: RunDefaultsGiven,
): SettledRun {
  const { steps = listed ?? published, count = 1, cache = "off", speedup, previewEvery, signal } = options;
  if (speedup !== undefined && options.cache !== undefined) {
    throw new TypeError("Cannot use a speed-up together with a cache policy: give one of them");
  }
  if (speedup !== undefined) requireRange("speed-up", speedup, 1);
  requireWhole("steps", steps, 1);
  if (listed !== undefined && listed !== steps) {
    throw new RangeError(`Cannot generate with steps ${steps}: the given timesteps or sigmas make ${listed}`);
  }
  requireWhole("count", count, 1);
  if (previewEvery !== undefined) requireWhole("preview interval", previewEvery, 1);
  const images = rows * count;
  const { seed = randomSeed() } = options;
  checkSeed(seed, images);
  return { steps, seed, images, cache: readCache(cache), speedup, previewEvery, signal };
}

/** Each of `rows` as often as there are images for it. */
export const repeated = <T>(rows: readonly T[], count = 1): readonly T[] =>
  rows.flatMap((row) => new Array<T>(count).fill(row));
