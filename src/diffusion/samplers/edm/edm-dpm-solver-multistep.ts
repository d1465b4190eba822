import { entry, type Tensor } from "../../../tensor/tensor.ts";
import { givenBegin, type SamplerOptions, stepCount } from "../../sampler-options.ts";
import type { SchedulerConfig } from "../../scheduler-config.ts";
import type { SigmaSampler } from "../../schedules/karras-schedule.ts";
import { addNoiseAt } from "../../schedules/noise-schedule.ts";
import { bounded } from "../../schedules/thresholding.ts";
import { isStochastic } from "../dpm-solver/dpm-solver.ts";
import { multistepUpdate } from "../dpm-solver/multistep.ts";
import { edmSigmas, logTimestep } from "./edm-schedule.ts";
import { preconditionedClean, preconditionedInput, unscaledLevel } from "./preconditioning.ts";

/** DPM-Solver++ (Lu et al. 2022) on networks that are preconditioned as in Karras et al. (2022). */
export function edmDpmSolverMultistep(
  config: SchedulerConfig<"EDMDPMSolverMultistepScheduler">,
  options: SamplerOptions,
): SigmaSampler {
  const levels = edmSigmas(config, stepCount(options, config.num_train_timesteps));
  const sigmas = [...levels, config.final_sigmas_type === "sigma_min" ? Math.fround(config.sigma_min) : 0];
  const timesteps = levels.map(logTimestep);

  return {
    timesteps,
    sigmas,
    initialNoiseScale: Math.sqrt(config.sigma_max ** 2 + 1),
    addNoise: addNoiseAt(timesteps, (index) => unscaledLevel(entry(sigmas, index))),
    async *sample(denoiser, start, noise, begin = 0) {
      const values: Tensor[] = []; // newest first
      let sample = start;
      for (let index = givenBegin(begin, timesteps); index < timesteps.length; index++) {
        const timestep = entry(timesteps, index);
        const sigma = entry(sigmas, index);
        const output = await denoiser.predict(preconditionedInput(config, sigma, sample), timestep);
        const denoised = bounded(preconditionedClean(config, sigma, sample, output), config);
        values.unshift(denoised);
        const drawn = isStochastic(config.algorithm_type) ? noise(sample.shape) : undefined;
        sample = multistepUpdate(config, sigmas, index, { sample, values, noise: drawn }, unscaledLevel);
        sample = (yield { evaluation: index - begin, timestep, sample, denoised }) ?? sample;
      }
    },
  };
}
