import { entry } from "../../tensor/tensor.ts";
import { givenBegin, givenTimesteps, type SamplerOptions, stepCount } from "../sampler-options.ts";
import type { SchedulerConfig } from "../scheduler-config.ts";
import {
  churned,
  initialNoiseScale,
  karrasSchedule,
  type SigmaSampler,
  scaledInput,
  stepToward,
} from "../schedules/karras-schedule.ts";
import { addNoiseAt, positiveAlphasCumprod } from "../schedules/noise-schedule.ts";
import { predictCleanUnscaled } from "../schedules/prediction.ts";
import { timestepAt, trainingSigmas } from "../schedules/sigmas.ts";

type Config = SchedulerConfig<"EulerDiscreteScheduler">;

/** Euler's method on the probability flow ODE, with optional churn (Karras et al. 2022, algorithm 2 without lines 6-8). */
export function euler(config: Config, options: SamplerOptions): SigmaSampler {
  const { timesteps, sigmas } = schedule(config, options);

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
        const noisier = churned(sample, sigma, sigmas.length - 1, options.churn, noise);
        // The reference raises the noise level only after the network has run, and v-prediction never sees it raised.
        const level = config.prediction_type === "v_prediction" ? sigma : noisier.sigma;
        const denoised = predictCleanUnscaled(config.prediction_type, level, noisier.sample, output);
        sample = stepToward(noisier.sample, denoised, noisier.sigma, entry(sigmas, index + 1));
        sample = (yield { evaluation: index - begin, timestep, sample, denoised }) ?? sample;
      }
    },
  };
}

function schedule(
  config: Config,
  options: SamplerOptions,
): { timesteps: readonly number[]; sigmas: readonly number[] } {
  const trained = config.num_train_timesteps;
  const steps = stepCount(options, trained);
  const continuous = config.timestep_type === "continuous" && config.prediction_type === "v_prediction";
  if (continuous && options.timesteps) throw new RangeError("Cannot use given timesteps with continuous ones");
  const { timesteps, sigmas } = options.sigmas
    ? scheduleThrough(config, options.sigmas)
    : karrasSchedule(config, steps, options.timesteps && givenTimesteps(options.timesteps, trained));
  if (!continuous) return { timesteps, sigmas };
  return { timesteps: sigmas.slice(0, -1).map((sigma) => Math.fround(0.25 * Math.log(sigma))), sigmas };
}

function scheduleThrough(config: Config, given: readonly number[]): { timesteps: number[]; sigmas: number[] } {
  const disordered = given.findIndex((sigma, i) => !(sigma >= 0 && sigma < (given[i - 1] ?? Number.POSITIVE_INFINITY)));
  if (disordered >= 0) {
    throw new RangeError(`Cannot use sigma ${given[disordered]}: sigmas must be finite, at least 0 and descend`);
  }
  const training = trainingSigmas(positiveAlphasCumprod(config));
  const sigmas = given.map(Math.fround);
  return { timesteps: sigmas.slice(0, -1).map((sigma) => Math.fround(timestepAt(training, sigma))), sigmas };
}
