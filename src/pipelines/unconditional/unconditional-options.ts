import { schedulerConfigNamed } from "../../diffusion/samplers.ts";
import type { SchedulerConfig } from "../../diffusion/scheduler-config.ts";
import { takesVariance } from "../../diffusion/schedules/learned-variance.ts";
import { ddpmTimesteps } from "../../diffusion/schedules/original-schedules.ts";
import type { TimestepSelection, UnconditionalModel } from "../../systems/unconditional.ts";
import { type ChosenSampler, chooseSampler } from "../run/choose-sampler.ts";
import {
  listedSteps,
  type RunOptions,
  type ScheduleOptions,
  type SettledRun,
  settleRun,
  settleSchedule,
} from "../run/run-options.ts";

/** What a run without a condition can be asked for. */
export interface UnconditionalOptions extends RunOptions, ScheduleOptions {
  /** Whether DDIM derives the noise anew from the clipped image. */
  readonly useClippedModelOutput?: boolean | undefined;
  /** As the DDPM and DDIM code spreads timesteps, instead of as the scheduler does. */
  readonly timestepSelection?: TimestepSelection | undefined;
}

/** The same with everything decided. */
export interface SettledUnconditionalOptions extends SettledRun {
  readonly chosen: ChosenSampler;
}

/** What samplers other than a model's own take where nobody says: most need no more. */
const STEPS = 50;

/** Fills in defaults and refuses what the model cannot do; `randomSeed` is asked where no seed is given. */
export function settleUnconditional(
  options: UnconditionalOptions,
  model: UnconditionalModel,
  randomSeed: () => number,
): SettledUnconditionalOptions {
  const { sampler, eta, useClippedModelOutput } = options;
  const given = settleSchedule(options);
  const listed = listedSteps(given);
  if (listed !== undefined && options.timestepSelection !== undefined) {
    throw new TypeError("Cannot sample with both a timestep selection and timesteps or sigmas: give one of them");
  }
  const { scheduler, isOwn } = schedulerFor(sampler, model);
  requireVarianceTaken(sampler, scheduler, model);
  const run = settleRun(options, { steps: isOwn ? model.steps : STEPS, listed, rows: 1, randomSeed });
  const { steps } = run;
  const published = isOwn && listed === undefined ? model.timestepSelection : undefined;
  const selection = options.timestepSelection ?? published;
  const timesteps = selection ? ddpmTimesteps(steps, selection, scheduler.num_train_timesteps) : given.timesteps;
  const { sigmas } = given;
  const signedNoise = model.timestepSelection !== undefined; // a model of the original code
  const choice = { sampler, steps, eta, useClippedModelOutput, timesteps, sigmas, signedNoise };
  return { ...run, chosen: chooseSampler(scheduler, choice) };
}

/** Refuses samplers that have no use for the variance that the model's network predicts. */
function requireVarianceTaken(
  sampler: string | undefined,
  scheduler: SchedulerConfig,
  { unet: { config } }: UnconditionalModel,
): void {
  const asked = sampler === undefined ? scheduler : schedulerConfigNamed(sampler, scheduler);
  if (config.outChannels === config.inChannels || takesVariance(asked)) return;
  throw new RangeError(
    `Cannot sample with ${sampler ?? asked.className}: the model's network predicts a variance beside the noise, which ` +
      "ddpm, dpm-single, sa and the samplers in dpmpp- with 2m or 3m take",
  );
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
