import { fullEvaluations } from "../../deepcache/plan.ts";
import type { CachePolicy } from "../../deepcache/policy.ts";
import type { Sampler } from "../../diffusion/sampler.ts";
import { samplerFromConfig, samplerNameOf, schedulerConfigNamed } from "../../diffusion/samplers.ts";
import { type SchedulerConfig, schedulerConfigAs } from "../../diffusion/scheduler-config.ts";

export interface SamplerChoice {
  /** One of SAMPLER_NAMES; the model's own where left out. */
  readonly sampler?: string | undefined;
  readonly steps: number;
  readonly eta?: number | undefined;
  /** Whether DDIM derives the noise anew from the clipped clean sample. */
  readonly useClippedModelOutput?: boolean | undefined;
  /** The timesteps of the run, highest first, where the scheduler's own spacing is not wanted. */
  readonly timesteps?: readonly number[] | undefined;
}

export interface ChosenSampler {
  readonly sampler: Sampler;
  readonly name: string;
}

/** What diffusers' Stable Diffusion pipeline insists on, whatever the file says: latents have no range to clip to. */
export const LATENT_SETTINGS = { clip_sample: false, steps_offset: 1 };

/** SDXL's pipeline leaves the offset to the file. */
export const SDXL_SETTINGS = { clip_sample: false };

/**
 * The sampler asked for on the model's noise schedule, or the model's own. `insisted` overrules the model's file: models
 * of latents need the default, models of pixels nothing.
 */
export function chooseSampler(
  model: SchedulerConfig,
  { sampler: asked, steps, eta, useClippedModelOutput, timesteps }: SamplerChoice,
  insisted: Readonly<Record<string, unknown>> = LATENT_SETTINGS,
): ChosenSampler {
  const base = schedulerConfigAs(model.className, model, insisted);
  const config = asked === undefined ? base : schedulerConfigNamed(asked, base);
  const length = timesteps === undefined ? { steps } : { timesteps }; // some lists are longer than the steps asked for
  const sampler = samplerFromConfig(config, { ...length, eta, useClippedModelOutput });
  return { sampler, name: asked ?? samplerNameOf(config.className) };
}

/** The full evaluations of a run under `policy`, counted from where it begins. */
export function planRun(policy: CachePolicy, { sampler }: Pick<ChosenSampler, "sampler">, begin = 0): number[] {
  const { timesteps, planned = timesteps.length } = sampler;
  return fullEvaluations(policy, timesteps.length - begin, planned - begin);
}
