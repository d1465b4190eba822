import { schedulerConfigNamed } from "../../diffusion/samplers.ts";
import type { SchedulerConfig } from "../../diffusion/scheduler-config.ts";
import { ddpmTimesteps } from "../../diffusion/schedules/original-schedules.ts";
import type { TimestepSelection, UnconditionalModel } from "../../systems/unconditional.ts";
import { type ChosenSampler, chooseSampler } from "../run/choose-sampler.ts";
import { type RunOptions, type SettledRun, settleRun } from "../run/run-options.ts";

/** What a run without a condition can be asked for. */
export interface UnconditionalOptions extends RunOptions {
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
  const { scheduler, isOwn } = schedulerFor(sampler, model);
  const run = settleRun(options, { steps: isOwn ? model.steps : STEPS, rows: 1, randomSeed });
  const { steps } = run;
  const selection = options.timestepSelection ?? (isOwn ? model.timestepSelection : undefined);
  const timesteps = selection && ddpmTimesteps(steps, selection, scheduler.num_train_timesteps);
  return { ...run, chosen: chooseSampler(scheduler, { sampler, steps, eta, useClippedModelOutput, timesteps }) };
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
