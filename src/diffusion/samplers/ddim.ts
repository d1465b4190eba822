import { linearCombination } from "../../tensor/linear-combination.ts";
import { entry } from "../../tensor/tensor.ts";
import type { Sampler } from "../sampler.ts";
import { givenBegin, givenEta, givenWholeTimesteps, type SamplerOptions, stepCount } from "../sampler-options.ts";
import type { SchedulerConfig } from "../scheduler-config.ts";
import { addNoiseAt, alphasCumprod, levelOfAlphaBar } from "../schedules/noise-schedule.ts";
import { noiseBetween, predictClean, predictNoise } from "../schedules/prediction.ts";
import { bounded } from "../schedules/thresholding.ts";
import { wholeTimesteps } from "../schedules/timesteps.ts";

/** Denoising diffusion implicit models (Song et al. 2020, eq. 12); given timesteps lead each to the next in the list. */
export function ddim(config: SchedulerConfig<"DDIMScheduler">, options: SamplerOptions): Sampler {
  const trained = config.num_train_timesteps;
  const steps = stepCount(options, trained);
  const eta = givenEta(options.eta ?? 0);
  const noisy = options.signedNoise ? eta !== 0 : eta > 0;
  const timesteps = options.timesteps
    ? givenWholeTimesteps(options.timesteps, trained, true)
    : wholeTimesteps(config, steps);
  const alphaBars = alphasCumprod(config);
  const finalAlphaBar = config.set_alpha_to_one ? 1 : entry(alphaBars, 0);
  const previous = (index: number): number =>
    options.timesteps ? (timesteps[index + 1] ?? -1) : entry(timesteps, index) - Math.floor(trained / steps);

  return {
    timesteps,
    initialNoiseScale: 1,
    addNoise: addNoiseAt(timesteps, (index) => levelOfAlphaBar(entry(alphaBars, entry(timesteps, index)))),
    async *sample(denoiser, start, noise, begin = 0) {
      let sample = start;
      for (let index = givenBegin(begin, timesteps); index < timesteps.length; index++) {
        const timestep = entry(timesteps, index);
        const alphaBar = entry(alphaBars, timestep);
        const nextAlphaBar = previous(index) >= 0 ? entry(alphaBars, previous(index)) : finalAlphaBar;
        const level = levelOfAlphaBar(alphaBar);
        const output = await denoiser.predict(sample, timestep);
        const denoised = bounded(predictClean(config.prediction_type, level, sample, output), config);
        const predictedNoise = options.useClippedModelOutput
          ? noiseBetween(level, sample, denoised)
          : predictNoise(config.prediction_type, level, sample, output);
        const variance = ((1 - nextAlphaBar) / (1 - alphaBar)) * (1 - alphaBar / nextAlphaBar);
        const deviation = eta * Math.sqrt(variance);
        const direction = Math.sqrt(1 - nextAlphaBar - deviation ** 2);
        const mean = linearCombination([Math.sqrt(nextAlphaBar), denoised], [direction, predictedNoise]);
        sample = noisy ? linearCombination([1, mean], [deviation, noise(mean.shape)]) : mean;
        sample = (yield { evaluation: index - begin, timestep, sample, denoised }) ?? sample;
      }
    },
  };
}
