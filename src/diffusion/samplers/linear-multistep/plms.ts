import { linearCombination } from "../../../tensor/linear-combination.ts";
import { entry, type Tensor } from "../../../tensor/tensor.ts";
import type { Sampler } from "../../sampler.ts";
import { givenBegin, givenWholeTimesteps } from "../../sampler-options.ts";
import type { SchedulerConfig } from "../../scheduler-config.ts";
import { addNoiseAt, alphasCumprod, levelOfAlphaBar } from "../../schedules/noise-schedule.ts";
import { predictClean, predictNoise } from "../../schedules/prediction.ts";
import { adamsBashforth } from "./adams-bashforth.ts";

/**
 * Linear multistep as the latent diffusion code has it (Liu et al. 2022, PNDM without Runge-Kutta steps): the first step
 * evaluates again at its end and goes by the mean. The timesteps may lie at any distance; the last one leads to ᾱ₀.
 */
export function plms(config: SchedulerConfig<"DDIMScheduler">, steps: readonly number[]): Sampler {
  const spaced = givenWholeTimesteps(steps, config.num_train_timesteps);
  const second = entry(spaced, Math.min(1, spaced.length - 1));
  const timesteps = [entry(spaced, 0), second, ...spaced.slice(1)];
  const alphaBars = alphasCumprod(config);
  const finalAlphaBar = config.set_alpha_to_one ? 1 : entry(alphaBars, 0);
  const levelAt = (timestep: number) => levelOfAlphaBar(entry(alphaBars, timestep));

  /** DDIM's step without noise from the `step`-th timestep to the next. */
  const move = (sample: Tensor, noise: Tensor, step: number): { sample: Tensor; denoised: Tensor } => {
    const next = spaced[step + 1];
    const level = levelOfAlphaBar(next === undefined ? finalAlphaBar : entry(alphaBars, next));
    const denoised = predictClean("epsilon", levelAt(entry(spaced, step)), sample, noise);
    return { sample: linearCombination([level.signal, denoised], [level.noise, noise]), denoised };
  };

  return {
    timesteps,
    planned: spaced.length, // the extra evaluation is never full
    initialNoiseScale: 1,
    addNoise: addNoiseAt(timesteps, (index) => levelAt(entry(timesteps, index))),
    async *sample(denoiser, start, _noise, begin = 0) {
      const history: Tensor[] = []; // newest first
      let sample = start;
      let base = start; // what the current step starts from
      if (begin === 1) throw new RangeError("Cannot begin at evaluation 1: it looks at the first step a second time");
      for (let index = givenBegin(begin, timesteps); index < timesteps.length; index++) {
        const timestep = entry(timesteps, index);
        const output = await denoiser.predict(sample, timestep);
        const noise = predictNoise(config.prediction_type, levelAt(timestep), sample, output);
        const again = index === 1 && begin === 0;
        if (!again) {
          history.unshift(noise);
          history.length = Math.min(history.length, 4);
          base = sample;
        }
        const direction = again ? linearCombination([0.5, noise], [0.5, entry(history, 0)]) : adamsBashforth(history);
        const moved = move(base, direction, again || index === 0 ? 0 : index - 1);
        sample = moved.sample;
        yield { evaluation: index - begin, timestep, ...moved };
      }
    },
  };
}
