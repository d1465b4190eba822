import { fullEvaluations } from "../deepcache/plan.ts";
import type { CachePolicy } from "../deepcache/policy.ts";
import type { Sampler } from "../diffusion/sampler.ts";
import { SAMPLER_NAMES, samplerFromConfig, schedulerConfigNamed } from "../diffusion/samplers.ts";
import { type SchedulerConfig, schedulerConfigAs } from "../diffusion/scheduler-config.ts";

export interface SamplerChoice {
  /** One of SAMPLER_NAMES; the model's own where left out. */
  readonly sampler?: string | undefined;
  readonly steps: number;
  readonly eta?: number | undefined;
}

export interface ChosenSampler {
  readonly sampler: Sampler;
  readonly name: string;
  /** How many evaluations a cache plan spreads over. */
  readonly planLength: number;
}

/** What diffusers' Stable Diffusion pipeline insists on, whatever the file says: latents have no range to clip to. */
const LATENT_SETTINGS = { clip_sample: false, steps_offset: 1 };

/** The sampler asked for on the model's noise schedule, or the model's own. */
export function chooseSampler(model: SchedulerConfig, { sampler: asked, steps, eta }: SamplerChoice): ChosenSampler {
  const latent = schedulerConfigAs(model.className, model, LATENT_SETTINGS);
  const config = asked === undefined ? latent : schedulerConfigNamed(asked, latent);
  const sampler = samplerFromConfig(config, { steps, eta });
  const ownName = SAMPLER_NAMES.find((name) => schedulerConfigNamed(name, model).className === config.className);
  return {
    sampler,
    name: asked ?? ownName ?? config.className,
    // The paper's plan covers as many evaluations as there are steps, so PNDM's extra last evaluation is never full.
    planLength: config.className === "PNDMScheduler" ? steps : sampler.timesteps.length,
  };
}

/** The full evaluations of a run under `policy`, counted from where it begins. */
export function planRun(policy: CachePolicy, { sampler, planLength }: ChosenSampler, begin = 0): number[] {
  return fullEvaluations(policy, sampler.timesteps.length - begin, planLength - begin);
}
