import { linearCombination } from "../../tensor/linear-combination.ts";
import { entry } from "../../tensor/tensor.ts";
import { givenBegin, givenTimesteps, type SamplerOptions, stepCount } from "../sampler-options.ts";
import type { SchedulerConfig } from "../scheduler-config.ts";
import {
  initialNoiseScale,
  karrasSchedule,
  type SigmaSampler,
  scaledInput,
  slope,
  stepToward,
} from "../schedules/karras-schedule.ts";
import { addNoiseAt } from "../schedules/noise-schedule.ts";
import { predictCleanUnscaled } from "../schedules/prediction.ts";
import { bounded } from "../schedules/thresholding.ts";

/** A step is evaluated at its start and at its end. */
const ORDER = 2;

/** Heun's method: each step but the last is evaluated at its start and at its end (Karras et al. 2022, algorithm 1). */
export function heun(config: SchedulerConfig<"HeunDiscreteScheduler">, options: SamplerOptions): SigmaSampler {
  const trained = config.num_train_timesteps;
  const given = options.timesteps && givenTimesteps(options.timesteps, trained);
  const schedule = karrasSchedule(config, stepCount(options, trained), given);
  const timesteps = schedule.timesteps.flatMap((timestep, i) => (i === 0 ? [timestep] : [timestep, timestep]));
  const steps = schedule.timesteps.length;
  const sigmas = schedule.sigmas.flatMap((sigma, i) => (i === 0 || i === steps ? [sigma] : [sigma, sigma]));

  return {
    timesteps,
    sigmas,
    order: ORDER,
    initialNoiseScale: initialNoiseScale(config, sigmas),
    addNoise: addNoiseAt(timesteps, (index) => ({ signal: 1, noise: entry(sigmas, index) })),
    async *sample(denoiser, start, _noise, begin = 0) {
      let sample = start;
      let evaluation = 0;
      for (let step = givenBegin(begin, timesteps, ORDER) / ORDER; step < steps; step++) {
        const [sigma, next] = [entry(schedule.sigmas, step), entry(schedule.sigmas, step + 1)];
        const base = sample;
        const first = entry(schedule.timesteps, step);
        let output = await denoiser.predict(scaledInput(base, sigma), first);
        let denoised = bounded(predictCleanUnscaled(config.prediction_type, sigma, base, output), config);
        const slopeAtStart = slope(base, denoised, sigma);
        sample = stepToward(base, denoised, sigma, next);
        sample = (yield { evaluation: evaluation++, timestep: first, sample, denoised }) ?? sample;
        if (step === steps - 1) return;

        const last = entry(schedule.timesteps, step + 1);
        output = await denoiser.predict(scaledInput(sample, next), last);
        denoised = bounded(predictCleanUnscaled(config.prediction_type, next, sample, output), config);
        const half = (next - sigma) / 2;
        sample = linearCombination([1, base], [half, slopeAtStart], [half, slope(sample, denoised, next)]);
        sample = (yield { evaluation: evaluation++, timestep: last, sample, denoised }) ?? sample;
      }
    },
  };
}
