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
  slope,
  stepToward,
} from "../schedules/karras-schedule.ts";
import { addNoiseAt } from "../schedules/noise-schedule.ts";
import { predictCleanUnscaled } from "../schedules/prediction.ts";
import { timestepAt } from "../schedules/sigmas.ts";
import { roundHalfEven } from "../schedules/timesteps.ts";

/** A step is evaluated at its start and in its middle. */
const ORDER = 2;

/** The midpoint method in log σ, second order of DPM-Solver on σ (k-diffusion, `sample_dpm_2`). */
export const kdpm2 = (config: SchedulerConfig<"KDPM2DiscreteScheduler">, options: SamplerOptions): SigmaSampler =>
  midpointSampler(config, options, (_from, to) => ({ down: to, up: undefined }));

/** As `kdpm2`, stepping below the next noise level and adding noise back (k-diffusion, `sample_dpm_2_ancestral`). */
export const kdpm2Ancestral = (
  config: SchedulerConfig<"KDPM2AncestralDiscreteScheduler">,
  options: SamplerOptions,
): SigmaSampler => midpointSampler(config, options, ancestralStep);

type Config = SchedulerConfig<"KDPM2DiscreteScheduler" | "KDPM2AncestralDiscreteScheduler">;
type Target = (from: number, to: number) => { down: number; up: number | undefined };

function midpointSampler(config: Config, options: SamplerOptions, targetOf: Target): SigmaSampler {
  const schedule = karrasSchedule(config, stepCount(options, config.num_train_timesteps));
  const steps = schedule.timesteps.length;
  const starts = config.use_karras_sigmas ? schedule.timesteps.map(roundHalfEven) : schedule.timesteps;
  const targets = starts.map((_, i) => targetOf(entry(schedule.sigmas, i), entry(schedule.sigmas, i + 1)));
  /** The geometric mean of where a step begins and where it ends; 0 for the last step, which has no middle. */
  const middles = targets.map(({ down }, i) =>
    i === steps - 1 ? 0 : Math.fround(Math.sqrt(entry(schedule.sigmas, i) * down)),
  );
  const timesteps = starts.flatMap((timestep, i) =>
    i === 0 ? [timestep] : [Math.fround(timestepAt(schedule.training, entry(middles, i - 1))), timestep],
  );
  const [first = 0, ...others] = schedule.sigmas;
  const sigmas = [first, ...others.flatMap((sigma) => [sigma, sigma]), 0];

  return {
    timesteps,
    sigmas,
    order: ORDER,
    initialNoiseScale: initialNoiseScale(config, sigmas),
    addNoise: addNoiseAt(timesteps, (index) => ({ signal: 1, noise: entry(sigmas, index) })),
    async *sample(denoiser, start, noise, begin = 0) {
      let sample = start;
      let evaluation = 0;
      for (let step = givenBegin(begin, timesteps, ORDER) / ORDER; step < steps; step++) {
        const [sigma, middle, { down, up }] = [
          entry(schedule.sigmas, step),
          entry(middles, step),
          entry(targets, step),
        ];
        const base = sample;
        const timestep = entry(timesteps, 2 * step);
        let output = await denoiser.predict(scaledInput(base, sigma), timestep);
        let denoised = predictCleanUnscaled(config.prediction_type, sigma, base, output);
        sample = stepToward(base, denoised, sigma, middle);
        sample = (yield { evaluation: evaluation++, timestep, sample, denoised }) ?? sample;
        if (step === steps - 1) return;

        const middleTimestep = entry(timesteps, 2 * step + 1);
        output = await denoiser.predict(scaledInput(sample, middle), middleTimestep);
        denoised = predictCleanUnscaled(config.prediction_type, middle, sample, output);
        sample = linearCombination([1, base], [down - sigma, slope(sample, denoised, middle)]);
        if (up !== undefined) sample = linearCombination([1, sample], [up, noise(sample.shape)]);
        sample = (yield { evaluation: evaluation++, timestep: middleTimestep, sample, denoised }) ?? sample;
      }
    },
  };
}
