import { latentDiffusionTimesteps } from "../diffusion/original-schedules.ts";
import { plms } from "../diffusion/samplers/plms.ts";
import { samplerFromConfig } from "../diffusion/samplers.ts";
import type { SchedulerConfig } from "../diffusion/scheduler-config.ts";
import type { ChosenSampler } from "./choose-sampler.ts";
import type { SettledClassConditionalOptions } from "./class-conditional-options.ts";

/** The original code's sampler on the model's schedule. */
export function latentDiffusionSampler(
  scheduler: SchedulerConfig<"DDIMScheduler">,
  { sampler: name, steps, eta }: Pick<SettledClassConditionalOptions, "sampler" | "steps" | "eta">,
): ChosenSampler {
  const trained = scheduler.num_train_timesteps;
  const timesteps = latentDiffusionTimesteps(steps, trained);
  if ((timesteps[0] ?? 0) >= trained) {
    throw new RangeError(
      `Cannot sample in ${steps} steps: at every ${Math.floor(trained / steps)}th timestep from 1, the first would be ` +
        `timestep ${timesteps[0]}, the last one trained is ${trained - 1}`,
    );
  }
  // A plan covers as many evaluations as there are steps, so that the extra evaluation of PLMS is never full.
  const planLength = timesteps.length;
  switch (name) {
    case "ddim":
      return { name, planLength, sampler: samplerFromConfig(scheduler, { timesteps, eta }) };
    case "plms":
      return { name, planLength, sampler: plms(scheduler, timesteps) };
    default:
      throw new RangeError(
        `No sampler of latent diffusion models is called "${name satisfies never}"; there are ddim, plms`,
      );
  }
}
