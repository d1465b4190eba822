import { linearCombination } from "../../tensor/linear-combination.ts";
import { entry } from "../../tensor/tensor.ts";
import type { Sampler } from "../sampler.ts";
import { givenBegin, givenEta, type SamplerOptions } from "../sampler-options.ts";
import type { SchedulerConfig } from "../scheduler-config.ts";
import { distilledTimesteps } from "../schedules/distilled-timesteps.ts";
import { addNoiseAt, alphasCumprod, levelOfAlphaBar } from "../schedules/noise-schedule.ts";
import { predictClean, predictNoise } from "../schedules/prediction.ts";

/** Trajectory consistency: step below the next level by a share η and add noise back (Zheng et al. 2024). */
export function tcd(config: SchedulerConfig<"TCDScheduler">, options: SamplerOptions): Sampler {
  const timesteps = distilledTimesteps(config, options);
  const eta = givenEta(options.eta ?? 0.3, 0, 1);
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
        const next = timesteps[index + 1] ?? 0;
        // In float32, like the reference: the product is cut to a whole timestep.
        const target = Math.floor(Math.fround(Math.fround(1 - eta) * next));
        const [nextAlphaBar, targetAlphaBar] = [entry(alphaBars, next), entry(alphaBars, target)];
        const { signal, noise: noisiness } = levelOfAlphaBar(targetAlphaBar);
        const output = await denoiser.predict(sample, timestep);
        const denoised = predictClean(config.prediction_type, levelAt(index), sample, output);
        const predictedNoise = predictNoise(config.prediction_type, levelAt(index), sample, output);
        sample = linearCombination([signal, denoised], [noisiness, predictedNoise]);
        if (eta > 0 && index < timesteps.length - 1) {
          const kept = nextAlphaBar / targetAlphaBar;
          sample = linearCombination([Math.sqrt(kept), sample], [Math.sqrt(1 - kept), noise(sample.shape)]);
        }
        sample = (yield { evaluation: index - begin, timestep, sample, denoised }) ?? sample;
      }
    },
  };
}
