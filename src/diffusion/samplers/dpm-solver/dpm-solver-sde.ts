import { linearCombination } from "../../../tensor/linear-combination.ts";
import { entry, type Tensor } from "../../../tensor/tensor.ts";
import { givenBegin, type SamplerOptions, stepCount } from "../../sampler-options.ts";
import type { SchedulerConfig } from "../../scheduler-config.ts";
import {
  initialNoiseScale,
  karrasSchedule,
  type SigmaSampler,
  scaledInput,
  stepToward,
} from "../../schedules/karras-schedule.ts";
import { addNoiseAt } from "../../schedules/noise-schedule.ts";
import { predictCleanUnscaled } from "../../schedules/prediction.ts";
import { timestepAt } from "../../schedules/sigmas.ts";
import { brownianNoise, type NoiseBetween } from "../brownian-noise.ts";

/** A step is evaluated at its start and in its middle. */
const ORDER = 2;

/**
 * The SDE of DPM-Solver++, singlestep: noise of both halves of a step comes from one Brownian path (k-diffusion,
 * `sample_dpmpp_sde`).
 */
export function dpmSolverSde(config: SchedulerConfig<"DPMSolverSDEScheduler">, options: SamplerOptions): SigmaSampler {
  // The reference's Karras formula knows no range here, unlike its other formulas.
  const range = config.use_karras_sigmas ? { sigma_min: null, sigma_max: null } : {};
  const schedule = karrasSchedule({ ...config, ...range }, stepCount(options, config.num_train_timesteps));
  const steps = schedule.timesteps.length;
  const middleTimesteps = schedule.timesteps
    .slice(1)
    .map((_, i) => middleTimestep(schedule.training, entry(schedule.sigmas, i), entry(schedule.sigmas, i + 1)));
  const timesteps = schedule.timesteps.flatMap((timestep, i) =>
    i === 0 ? [timestep] : [entry(middleTimesteps, i - 1), timestep],
  );
  const sigmas = schedule.sigmas.flatMap((sigma, i) => (i === 0 || i === steps ? [sigma] : [sigma, sigma]));
  const lowest = Math.min(...sigmas.filter((sigma) => sigma > 0));

  return {
    timesteps,
    sigmas,
    order: ORDER,
    initialNoiseScale: initialNoiseScale(config, sigmas),
    addNoise: addNoiseAt(timesteps, (index) => ({ signal: 1, noise: entry(sigmas, index) })),
    async *sample(denoiser, start, noise, begin = 0) {
      const seed = config.noise_sampler_seed ?? undefined;
      const noiseBetween = brownianNoise(noise, start.shape, lowest, Math.max(...sigmas), seed);
      let sample = start;
      let evaluation = 0;
      for (let step = givenBegin(begin, timesteps, ORDER) / ORDER; step < steps; step++) {
        const [sigma, next] = [entry(schedule.sigmas, step), entry(schedule.sigmas, step + 1)];
        const base = sample;
        const timestep = entry(timesteps, 2 * step);
        let output = await denoiser.predict(scaledInput(base, sigma), timestep);
        let denoised = predictCleanUnscaled(config.prediction_type, sigma, base, output);
        if (step === steps - 1) {
          sample = stepToward(base, denoised, sigma, next);
          yield { evaluation, timestep, sample, denoised };
          return;
        }
        const [from, to] = [timeOf(sigma), timeOf(next)];
        const middle = Math.fround(from + Math.fround(Math.fround(to - from) * 0.5));
        sample = ancestralUpdate(base, denoised, from, middle, noiseBetween);
        sample = (yield { evaluation: evaluation++, timestep, sample, denoised }) ?? sample;

        const later = entry(timesteps, 2 * step + 1);
        const middleSigma = sigmaOf(middle);
        output = await denoiser.predict(scaledInput(sample, middleSigma), later);
        denoised = predictCleanUnscaled(config.prediction_type, middleSigma, sample, output);
        sample = ancestralUpdate(base, denoised, from, to, noiseBetween);
        sample = (yield { evaluation: evaluation++, timestep: later, sample, denoised }) ?? sample;
      }
    },
  };
}

// In float32 like the reference: the path is asked for between levels that went to logarithms and back. Vector libraries differ
// in the last bit of the exponential, which moves an end of the path by millionths and a sample by up to a thousandth.
const timeOf = (sigma: number): number => -Math.fround(Math.log(sigma));
const sigmaOf = (time: number): number => Math.fround(Math.exp(-time));

/** Halfway in log σ. */
const middleTimestep = (training: Float32Array, from: number, to: number): number =>
  Math.fround(timestepAt(training, Math.sqrt(from * to)));

/** A step in the logarithm of σ that goes below its target and adds noise back. */
function ancestralUpdate(base: Tensor, denoised: Tensor, from: number, to: number, noiseBetween: NoiseBetween): Tensor {
  const round = Math.fround;
  const [start, target] = [sigmaOf(from), sigmaOf(to)];
  const [start2, target2] = [round(start ** 2), round(target ** 2)];
  const variance = round(round(target2 * round(start2 - target2)) / start2);
  const up = Math.min(target, round(Math.sqrt(variance)));
  const down = timeOf(round(Math.sqrt(round(target2 - round(up ** 2)))));
  return linearCombination(
    [sigmaOf(down) / start, base],
    [-Math.expm1(round(from - down)), denoised],
    [up, noiseBetween(start, target)],
  );
}
