import { entry, type Tensor } from "../../../tensor/tensor.ts";
import { givenBegin, type SamplerOptions, stepCount } from "../../sampler-options.ts";
import type { SchedulerConfig } from "../../scheduler-config.ts";
import type { SigmaSampler } from "../../schedules/karras-schedule.ts";
import { addNoiseAt } from "../../schedules/noise-schedule.ts";
import { brownianNoise } from "../brownian-noise.ts";
import { multistepUpdate } from "../dpm-solver/multistep.ts";
import { angleTimestep, edmSigmas } from "./edm-schedule.ts";
import { preconditionedClean, preconditionedInput, unscaledLevel } from "./preconditioning.ts";

/** The SDE of DPM-Solver++ with noise from one Brownian path, on preconditioned networks (Evans et al. 2024). */
export function cosineDpmSolverMultistep(
  config: SchedulerConfig<"CosineDPMSolverMultistepScheduler">,
  options: SamplerOptions,
): SigmaSampler {
  const { sigma_min, sigma_max, final_sigmas_type } = config;
  const levels = edmSigmas(config, stepCount(options, config.num_train_timesteps));
  const sigmas = [...levels, final_sigmas_type === "sigma_min" ? Math.fround(sigma_min) : 0];
  const timesteps = levels.map(angleTimestep);
  const solver = { ...config, algorithm_type: "sde-dpmsolver++" } as const;

  return {
    timesteps,
    sigmas,
    initialNoiseScale: Math.sqrt(sigma_max ** 2 + 1),
    addNoise: addNoiseAt(timesteps, (index) => unscaledLevel(entry(sigmas, index))),
    async *sample(denoiser, start, noise, begin = 0) {
      const values: Tensor[] = []; // newest first
      const noiseBetween = brownianNoise(noise, start.shape, Math.fround(sigma_min), Math.fround(sigma_max));
      let sample = start;
      for (let index = givenBegin(begin, timesteps); index < timesteps.length; index++) {
        const timestep = entry(timesteps, index);
        const [sigma, next] = [entry(sigmas, index), entry(sigmas, index + 1)];
        const output = await denoiser.predict(preconditionedInput(config, sigma, sample), timestep);
        const denoised = preconditionedClean(config, sigma, sample, output);
        values.unshift(denoised);
        const drawn = noiseBetween(sigma, next);
        sample = multistepUpdate(solver, sigmas, index, { sample, values, noise: drawn }, unscaledLevel);
        sample = (yield { evaluation: index - begin, timestep, sample, denoised }) ?? sample;
      }
    },
  };
}
