import { linearCombination } from "../../tensor/linear-combination.ts";
import { entry } from "../../tensor/tensor.ts";
import type { Sampler } from "../sampler.ts";
import { givenBegin, type SamplerOptions } from "../sampler-options.ts";
import type { SchedulerConfig } from "../scheduler-config.ts";
import { distilledTimesteps } from "../schedules/distilled-timesteps.ts";
import { addNoiseAt, alphasCumprod, levelOfAlphaBar } from "../schedules/noise-schedule.ts";
import { predictClean } from "../schedules/prediction.ts";
import { bounded } from "../schedules/thresholding.ts";

/** Standard deviation of the data that the consistency function assumes. */
const DATA_DEVIATION = 0.5;

/** Latent consistency: predict the clean sample, then noise it to the next level (Luo et al. 2023, algorithm 3). */
export function lcm(config: SchedulerConfig<"LCMScheduler">, options: SamplerOptions): Sampler {
  const timesteps = distilledTimesteps(config, options);
  const alphaBars = alphasCumprod(config);
  const levelAt = (index: number) => levelOfAlphaBar(entry(alphaBars, entry(timesteps, index)));

  return {
    timesteps,
    initialNoiseScale: 1,
    addNoise: addNoiseAt(timesteps, levelAt),
    async *sample(denoiser, start, noise, begin = 0) {
      let sample = start;
      for (let index = givenBegin(begin, timesteps); index < timesteps.length; index++) {
        const timestep = entry(timesteps, index);
        const output = await denoiser.predict(sample, timestep);
        const clean = bounded(predictClean(config.prediction_type, levelAt(index), sample, output), config);
        // The boundary condition of consistency models: at timestep 0 the sample is kept.
        const scaled = timestep * config.timestep_scaling;
        const spread = scaled ** 2 + DATA_DEVIATION ** 2;
        const denoised = linearCombination([scaled / Math.sqrt(spread), clean], [DATA_DEVIATION ** 2 / spread, sample]);
        if (index === timesteps.length - 1) {
          sample = denoised;
        } else {
          const next = levelAt(index + 1);
          sample = linearCombination([next.signal, denoised], [next.noise, noise(sample.shape)]);
        }
        sample = (yield { evaluation: index - begin, timestep, sample, denoised }) ?? sample;
      }
    },
  };
}
