import type { CachePolicy } from "../../deepcache/policy.ts";
import { schedulerConfigNamed } from "../../diffusion/samplers.ts";
import type { SchedulerConfig } from "../../diffusion/scheduler-config.ts";
import { ddpmTimesteps } from "../../diffusion/schedules/original-schedules.ts";
import type { TimestepSelection, UnconditionalModel } from "../../systems/unconditional.ts";
import { type ChosenSampler, chooseSampler } from "../run/choose-sampler.ts";
import { requireWhole } from "../run/requirements.ts";
import { checkSeed, type Seed } from "../run/seeded-noise.ts";

/** What a run without a condition can be asked for; names as in diffusers. */
export interface UnconditionalOptions {
  /** Images, in one batch. */
  readonly count?: number | undefined;
  readonly steps?: number | undefined;
  /** One of SAMPLER_NAMES; the model's own where left out. */
  readonly sampler?: string | undefined;
  /** Noise added on the way (DDIM): 0 none, 1 as much as DDPM. */
  readonly eta?: number | undefined;
  /** Whether DDIM derives the noise anew from the clipped image. */
  readonly useClippedModelOutput?: boolean | undefined;
  /** As the DDPM and DDIM code spreads timesteps, instead of as the scheduler does. */
  readonly timestepSelection?: TimestepSelection | undefined;
  /** Whole number from 0, or one for each image; the same seed gives the image that diffusers gives on a CPU. */
  readonly seed?: Seed | undefined;
  readonly cache?: CachePolicy | undefined;
  /**
   * Cut the network at this branch even where nothing is cached, so that runs with and without a cache share what is
   * loaded; such a run equals an uncut one within float32 rounding.
   */
  readonly cutAt?: number | undefined;
  /** Show the clean image as predicted after every so many evaluations. */
  readonly previewEvery?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The same with everything decided. */
export interface SettledUnconditionalOptions {
  readonly count: number;
  readonly steps: number;
  readonly chosen: ChosenSampler;
  readonly seed: Seed;
  readonly cache: CachePolicy;
  readonly previewEvery: number | undefined;
  readonly signal: AbortSignal | undefined;
}

/** What samplers other than a model's own take where nobody says: most need no more. */
const STEPS = 50;

/** Fills in defaults and refuses what the model cannot do; `randomSeed` is asked where no seed is given. */
export function settleUnconditional(
  options: UnconditionalOptions,
  model: UnconditionalModel,
  randomSeed: () => number,
): SettledUnconditionalOptions {
  const { sampler, count = 1, eta, useClippedModelOutput, cache = { kind: "off" }, previewEvery, signal } = options;
  const { scheduler, isOwn } = schedulerFor(sampler, model);
  const steps = options.steps ?? (isOwn ? model.steps : STEPS);
  const { seed = randomSeed() } = options;
  requireWhole("count", count, 1);
  requireWhole("steps", steps, 1);
  checkSeed(seed, count);
  if (previewEvery !== undefined) requireWhole("preview interval", previewEvery, 1);
  const selection = options.timestepSelection ?? (isOwn ? model.timestepSelection : undefined);
  const timesteps = selection && ddpmTimesteps(steps, selection, scheduler.num_train_timesteps);
  const chosen = chooseSampler(scheduler, { sampler, steps, eta, useClippedModelOutput, timesteps }, {});
  return { count, steps, chosen, seed, cache, previewEvery, signal };
}

/** The scheduler config that a sampler goes by, and whether that is the model's own. */
function schedulerFor(
  sampler: string | undefined,
  { scheduler, alternatives }: UnconditionalModel,
): { readonly scheduler: SchedulerConfig; readonly isOwn: boolean } {
  if (sampler === undefined) return { scheduler, isOwn: true };
  const { className } = schedulerConfigNamed(sampler, scheduler);
  const isOwn = className === scheduler.className;
  const alternative = alternatives.find((config) => config.className === className);
  return { scheduler: isOwn ? scheduler : (alternative ?? scheduler), isOwn };
}
