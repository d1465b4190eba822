import { linearCombination } from "../../tensor/linear-combination.ts";
import { entry, type Tensor } from "../../tensor/tensor.ts";
import type { Sampler } from "../sampler.ts";
import { givenBegin, givenWholeTimesteps, type SamplerOptions, stepCount } from "../sampler-options.ts";
import type { SchedulerConfig } from "../scheduler-config.ts";
import { splitVariance, takesVariance } from "../schedules/learned-variance.ts";
import { addNoiseAt, alphasCumprod, levelOfAlphaBar } from "../schedules/noise-schedule.ts";
import { predictClean } from "../schedules/prediction.ts";
import { bounded } from "../schedules/thresholding.ts";
import { wholeTimesteps } from "../schedules/timesteps.ts";

type Config = SchedulerConfig<"DDPMScheduler">;

/** Denoising diffusion probabilistic models: ancestral sampling (Ho et al. 2020, algorithm 2). */
export function ddpm(config: Config, options: SamplerOptions): Sampler {
  const trained = config.num_train_timesteps;
  const steps = stepCount(options, trained);
  const timesteps = options.timesteps
    ? givenWholeTimesteps(options.timesteps, trained, true)
    : wholeTimesteps(config, steps);
  const alphaBars = alphasCumprod(config);

  return {
    timesteps,
    initialNoiseScale: 1,
    addNoise: addNoiseAt(timesteps, (index) => levelOfAlphaBar(entry(alphaBars, entry(timesteps, index)))),
    async *sample(denoiser, start, noise, begin = 0) {
      let sample = start;
      for (let index = givenBegin(begin, timesteps); index < timesteps.length; index++) {
        const timestep = entry(timesteps, index);
        const next = timesteps[index + 1];
        const alphaBar = entry(alphaBars, timestep);
        const nextAlphaBar = next === undefined ? 1 : entry(alphaBars, next);
        const output = await denoiser.predict(sample, timestep);
        const { prediction, variance } = parted(config, output, sample);
        const level = levelOfAlphaBar(alphaBar);
        const denoised = bounded(predictClean(config.prediction_type, level, sample, prediction), config);
        // The mean of the posterior, DDPM eq. 7.
        const [beta, remaining] = [1 - alphaBar / nextAlphaBar, 1 - alphaBar];
        const cleanWeight = (Math.sqrt(nextAlphaBar) * beta) / remaining;
        const sampleWeight = (Math.sqrt(1 - beta) * (1 - nextAlphaBar)) / remaining;
        sample = linearCombination([cleanWeight, denoised], [sampleWeight, sample]);
        if (timestep > 0) {
          const posteriorVariance = Math.max(((1 - nextAlphaBar) / remaining) * beta, 1e-20);
          const deviates = noise(sample.shape);
          sample = variance
            ? addLearned(config.variance_type, sample, deviates, variance, posteriorVariance, beta)
            : linearCombination([1, sample], [fixedDeviation(config.variance_type, posteriorVariance, beta), deviates]);
        }
        sample = (yield { evaluation: index - begin, timestep, sample, denoised }) ?? sample;
      }
    },
  };
}

function parted(config: Config, output: Tensor, sample: Tensor): { prediction: Tensor; variance?: Tensor } {
  return takesVariance(config) ? splitVariance(output, sample.shape[1] ?? 0) : { prediction: output };
}

/** Standard deviation of the added noise between the bounds of DDPM, section 3.2. */
function fixedDeviation(type: Config["variance_type"], posteriorVariance: number, beta: number): number {
  return Math.sqrt(type === "fixed_large" ? beta : posteriorVariance);
}

/** Adds noise of a variance that the network gives (Nichol and Dhariwal 2021, eq. 15). */
function addLearned(
  type: Config["variance_type"],
  sample: Tensor,
  deviates: Tensor,
  variance: Tensor,
  posteriorVariance: number,
  beta: number,
): Tensor {
  const [lowest, highest] = [Math.log(posteriorVariance), Math.log(beta)];
  const data = new Float32Array(sample.data.length);
  for (let i = 0; i < data.length; i++) {
    const given = variance.data[i]!;
    const weight = (given + 1) / 2;
    const deviation =
      type === "learned" ? Math.sqrt(given) : Math.exp(0.5 * (weight * highest + (1 - weight) * lowest));
    data[i] = sample.data[i]! + deviation * deviates.data[i]!;
  }
  return { data, shape: sample.shape };
}
