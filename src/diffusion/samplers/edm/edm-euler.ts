import { entry } from "../../../tensor/tensor.ts";
import { givenBegin, type SamplerOptions, stepCount } from "../../sampler-options.ts";
import type { SchedulerConfig } from "../../scheduler-config.ts";
import { churned, type SigmaSampler, stepToward } from "../../schedules/karras-schedule.ts";
import { addNoiseAt } from "../../schedules/noise-schedule.ts";
import { edmSigmas, logTimestep } from "./edm-schedule.ts";
import { preconditionedClean, preconditionedInput, unscaledLevel } from "./preconditioning.ts";

/** Euler's method on networks that are preconditioned as in Karras et al. (2022), with optional churn (algorithm 2). */
export function edmEuler(config: SchedulerConfig<"EDMEulerScheduler">, options: SamplerOptions): SigmaSampler {
  const levels = edmSigmas(config, stepCount(options, config.num_train_timesteps), "double");
  const sigmas = [...levels, config.final_sigmas_type === "sigma_min" ? entry(levels, levels.length - 1) : 0];
  const timesteps = levels.map(logTimestep);

  return {
    timesteps,
    sigmas,
    initialNoiseScale: Math.sqrt(config.sigma_max ** 2 + 1),
    addNoise: addNoiseAt(timesteps, (index) => unscaledLevel(entry(sigmas, index))),
    async *sample(denoiser, start, noise, begin = 0) {
      let sample = start;
      for (let index = givenBegin(begin, timesteps); index < timesteps.length; index++) {
        const timestep = entry(timesteps, index);
        const sigma = entry(sigmas, index);
        const output = await denoiser.predict(preconditionedInput(config, sigma, sample), timestep);
        const noisier = churned(sample, sigma, timesteps.length, options.churn, noise);
        const denoised = preconditionedClean(config, noisier.sigma, noisier.sample, output);
        sample = stepToward(noisier.sample, denoised, noisier.sigma, entry(sigmas, index + 1));
        sample = (yield { evaluation: index - begin, timestep, sample, denoised }) ?? sample;
      }
    },
  };
}
