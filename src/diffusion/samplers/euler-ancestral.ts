import { linearCombination } from "../../tensor/linear-combination.ts";
import { entry } from "../../tensor/tensor.ts";
import { givenBegin, type SamplerOptions, stepCount } from "../sampler-options.ts";
import type { SchedulerConfig } from "../scheduler-config.ts";
import {
  ancestralStep,
  initialNoiseScale,
  karrasSchedule,
  type SigmaSampler,
  scaledInput,
  stepToward,
} from "../schedules/karras-schedule.ts";
import { addNoiseAt } from "../schedules/noise-schedule.ts";
import { predictCleanUnscaled } from "../schedules/prediction.ts";

/** Euler's method that steps below the next noise level and adds noise back (k-diffusion, `sample_euler_ancestral`). */
export function eulerAncestral(
  config: SchedulerConfig<"EulerAncestralDiscreteScheduler">,
  options: SamplerOptions,
): SigmaSampler {
  const { timesteps, sigmas } = karrasSchedule(config, stepCount(options, config.num_train_timesteps));

  return {
    timesteps,
    sigmas,
    initialNoiseScale: initialNoiseScale(config, sigmas),
    addNoise: addNoiseAt(timesteps, (index) => ({ signal: 1, noise: entry(sigmas, index) })),
    async *sample(denoiser, start, noise, begin = 0) {
      let sample = start;
      for (let index = givenBegin(begin, timesteps); index < timesteps.length; index++) {
        const timestep = entry(timesteps, index);
        const sigma = entry(sigmas, index);
        const output = await denoiser.predict(scaledInput(sample, sigma), timestep);
        const denoised = predictCleanUnscaled(config.prediction_type, sigma, sample, output);
        const { down, up } = ancestralStep(sigma, entry(sigmas, index + 1));
        // Also the last step draws noise, of weight 0, as the reference does.
        sample = linearCombination([1, stepToward(sample, denoised, sigma, down)], [up, noise(sample.shape)]);
        sample = (yield { evaluation: index - begin, timestep, sample, denoised }) ?? sample;
      }
    },
  };
}
