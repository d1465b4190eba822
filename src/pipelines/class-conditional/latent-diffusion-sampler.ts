import { plms } from "../../diffusion/samplers/linear-multistep/plms.ts";
import { samplerFromConfig } from "../../diffusion/samplers.ts";
import type { SchedulerConfig } from "../../diffusion/scheduler-config.ts";
import { latentDiffusionTimesteps } from "../../diffusion/schedules/original-schedules.ts";
import type { ChosenSampler } from "../run/choose-sampler.ts";
import type { SettledClassConditionalOptions } from "./class-conditional-options.ts";

/** The original code's sampler on the model's schedule. */
export function latentDiffusionSampler(
  scheduler: SchedulerConfig<"DDIMScheduler">,
  { sampler: name, steps, eta }: Pick<SettledClassConditionalOptions, "sampler" | "steps" | "eta">,
): ChosenSampler {
  const trained = scheduler.num_train_timesteps;
  const timesteps = latentDiffusionTimesteps(steps, trained);
  if (!fits(steps, trained)) {
    const others = [-1, 1].flatMap((way) => nextFitting(steps, way, trained) ?? []);
    throw new RangeError(
      `Cannot sample in ${steps} steps: spaced by ${Math.floor(trained / steps)} from 1 on, the last timestep would be ` +
        `${timesteps[0]}, beyond ${trained - 1}; possible are ${others.join(" and ")} steps`,
    );
  }
  switch (name) {
    case "ddim":
      return { name, sampler: samplerFromConfig(scheduler, { timesteps, eta, signedNoise: true }) };
    case "plms":
      return { name, sampler: plms(scheduler, timesteps) };
    default:
      throw new RangeError(
        `No sampler of latent diffusion models is called "${name satisfies never}"; there are ddim, plms`,
      );
  }
}

/** Whether all timesteps were trained; where they were not, the original code fails too. */
const fits = (steps: number, trained: number): boolean => (latentDiffusionTimesteps(steps, trained)[0] ?? 0) < trained;

function nextFitting(steps: number, way: number, trained: number): number | undefined {
  for (let other = steps + way; other >= 1 && other <= trained; other += way) if (fits(other, trained)) return other;
  return undefined;
}
