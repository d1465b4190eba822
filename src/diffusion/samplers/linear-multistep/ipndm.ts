import { linearCombination } from "../../../tensor/linear-combination.ts";
import { entry, type Tensor } from "../../../tensor/tensor.ts";
import type { Sampler } from "../../sampler.ts";
import { givenBegin, type SamplerOptions, stepCount } from "../../sampler-options.ts";
import type { SchedulerConfig } from "../../scheduler-config.ts";
import { addNoiseAt, linspaceFloat32 } from "../../schedules/noise-schedule.ts";
import { adamsBashforth } from "./adams-bashforth.ts";

/** Improved pseudo numerical methods: fourth-order linear multistep on a cosine schedule (Zhang and Chen 2022). */
export function ipndm(config: SchedulerConfig<"IPNDMScheduler">, options: SamplerOptions): Sampler {
  const steps = stepCount(options, config.num_train_timesteps);
  const noises = [...(config.trained_betas ?? cosineNoise(steps))];
  if (noises.length !== steps + 1) {
    throw new RangeError(`Cannot sample in ${steps} steps: the config's trained_betas make ${noises.length - 1}`);
  }
  const signals = noises.map((noise) => Math.sqrt(1 - noise ** 2));
  const levelAt = (index: number) => ({ signal: entry(signals, index), noise: entry(noises, index) });
  const timesteps = Array.from({ length: steps }, (_, i) =>
    Math.fround((Math.atan2(entry(noises, i), entry(signals, i)) / Math.PI) * 2),
  );

  return {
    timesteps,
    initialNoiseScale: 1,
    addNoise: addNoiseAt(timesteps, levelAt),
    async *sample(denoiser, start, _noise, begin = 0) {
      const history: Tensor[] = []; // newest first
      let sample = start;
      for (let index = givenBegin(begin, timesteps); index < timesteps.length; index++) {
        const timestep = entry(timesteps, index);
        const [level, next] = [levelAt(index), levelAt(index + 1)];
        const output = await denoiser.predict(sample, timestep);
        history.unshift(linearCombination([level.noise, sample], [level.signal, output]));
        history.length = Math.min(history.length, 4);
        const predictedNoise = adamsBashforth(history);
        const signal = Math.max(level.signal, 1e-8);
        const denoised = linearCombination([1 / signal, sample], [-level.noise / signal, predictedNoise]);
        sample = linearCombination([next.signal, denoised], [next.noise, predictedNoise]);
        sample = (yield { evaluation: index - begin, timestep, sample, denoised }) ?? sample;
      }
    },
  };
}

const cosineNoise = (steps: number): Float32Array =>
  linspaceFloat32(1, 0, steps + 1).map((position) => Math.fround(Math.sin(Math.fround((position * Math.PI) / 2))) ** 2);
