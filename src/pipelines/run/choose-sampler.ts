import type { CachePolicy } from "../../deepcache/policies.ts";
import { fullEvaluations } from "../../deepcache/policies.ts";
import type { Sampler } from "../../diffusion/sampler.ts";
import { samplerFromConfig, samplerNameOf, schedulerConfigNamed, takesOption } from "../../diffusion/samplers.ts";
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
  /** The noise levels of the run, highest first, and where the last step leads. */
  readonly sigmas?: readonly number[] | undefined;
  /** Whether a negative eta adds noise, too, as in the original codes. */
  readonly signedNoise?: boolean | undefined;
  /** Above 0, up to 1: how much of a list of distilled timesteps the steps are spread over; all of it where left out. */
  readonly share?: number | undefined;
}

export interface ChosenSampler {
  readonly sampler: Sampler;
  readonly name: string;
  /** What a user may not expect of the model's file. */
  readonly warnings?: readonly string[];
}

/** What a pipeline of diffusers does to samplers, whatever the model's file says. */
export interface SamplerDefaults {
  /** What overrules fields of the scheduler's config. */
  readonly scheduler?: Readonly<Record<string, unknown>>;
  /** Of samplers that take it. */
  readonly eta?: number;
  /** Whether samples have no range to clip to. */
  readonly latents?: boolean;
}

/** The sampler asked for on the model's noise schedule, or the model's own. */
export function chooseSampler(
  model: SchedulerConfig,
  choice: SamplerChoice,
  { scheduler: insisted = {}, eta: publishedEta, latents = false }: SamplerDefaults = {},
): ChosenSampler {
  const { sampler: asked } = choice;
  const base = schedulerConfigAs(model.className, model, insisted);
  const config = asked === undefined ? base : schedulerConfigNamed(asked, base);
  const eta = choice.eta ?? (takesOption(config.className, "eta") ? publishedEta : undefined);
  const { timesteps, sigmas, useClippedModelOutput, share } = choice;
  const listed = timesteps !== undefined || sigmas !== undefined; // some lists are longer than the steps asked for
  const length = listed ? { timesteps, sigmas } : { steps: choice.steps };
  const signedNoise = takesOption(config.className, "signedNoise") ? choice.signedNoise : undefined;
  const sampler = samplerFromConfig(config, { ...length, eta, useClippedModelOutput, share, signedNoise });
  const warnings = [...unknownFields(model), ...(latents ? clippedLatents(config) : [])];
  return { sampler, name: asked ?? samplerNameOf(config.className), warnings };
}

const unknownFields = ({ className, unknown }: SchedulerConfig): string[] =>
  unknown.length === 0 ? [] : [`The model's ${className} has fields that no scheduler knows: ${namesOf(unknown)}`];

const MOST_NAMED = 5;

function namesOf(fields: readonly string[]): string {
  const names = fields.slice(0, MOST_NAMED).map((field) => JSON.stringify(field.slice(0, 60)));
  return names.join(", ") + (fields.length > MOST_NAMED ? ` and ${fields.length - MOST_NAMED} more` : "");
}

const clippedLatents = (config: SchedulerConfig): string[] =>
  "clip_sample" in config && config.clip_sample && config.className !== "TCDScheduler"
    ? [
        `The model's scheduler clips what it takes for a picture to ±${config.clip_sample_range}, here as in diffusers; ` +
          'latents have no such range, and look better with "clip_sample": false in scheduler_config.json',
      ]
    : [];

/** The full evaluations of a run under `policy`, counted from where it begins. */
export function planRun(policy: CachePolicy, { sampler }: Pick<ChosenSampler, "sampler">, begin = 0): number[] {
  const { timesteps, planned = timesteps.length } = sampler;
  return fullEvaluations(policy, timesteps.length - begin, planned - begin);
}
