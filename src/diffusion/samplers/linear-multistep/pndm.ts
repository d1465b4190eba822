import { linearCombination } from "../../../tensor/linear-combination.ts";
import { entry, type Tensor } from "../../../tensor/tensor.ts";
import type { Sampler } from "../../sampler.ts";
import { givenBegin, type SamplerOptions, stepCount } from "../../sampler-options.ts";
import type { SchedulerConfig } from "../../scheduler-config.ts";
import { addNoiseAt, alphasCumprod, levelOfAlphaBar } from "../../schedules/noise-schedule.ts";
import { predictNoise } from "../../schedules/prediction.ts";
import { wholeTimesteps } from "../../schedules/timesteps.ts";
import { adamsBashforth } from "./adams-bashforth.ts";

type Config = SchedulerConfig<"PNDMScheduler">;

/**
 * Pseudo numerical methods (Liu et al. 2022): linear multistep, started by Runge-Kutta steps of four evaluations
 * (algorithm 2) or, with `skip_prk_steps`, by evaluating the second timestep twice.
 */
export function pndm(config: Config, options: SamplerOptions): Sampler {
  const trained = config.num_train_timesteps;
  const steps = stepCount(options, trained);
  const stride = Math.floor(trained / steps);
  const spaced = wholeTimesteps(config, steps);
  const rungeKutta = config.skip_prk_steps ? [] : rungeKuttaTimesteps(spaced, Math.floor(stride / 2));
  const timesteps = config.skip_prk_steps
    ? [...spaced.slice(0, 2), ...spaced.slice(1)]
    : [...rungeKutta, ...spaced.slice(3)];
  const alphaBars = alphasCumprod(config);
  const finalAlphaBar = config.set_alpha_to_one ? 1 : entry(alphaBars, 0);

  /** The transfer from one timestep to another (PNDM, eq. 11). */
  const transfer = (sample: Tensor, output: Tensor, from: number, to: number): Tensor => {
    const alphaBar = entry(alphaBars, from);
    const nextAlphaBar = to >= 0 ? entry(alphaBars, to) : finalAlphaBar;
    const predicted = predictNoise(config.prediction_type, levelOfAlphaBar(alphaBar), sample, output);
    const divisor = alphaBar * Math.sqrt(1 - nextAlphaBar) + Math.sqrt(alphaBar * (1 - alphaBar) * nextAlphaBar);
    return linearCombination(
      [Math.sqrt(nextAlphaBar / alphaBar), sample],
      [(alphaBar - nextAlphaBar) / divisor, predicted],
    );
  };

  return {
    timesteps,
    // The paper's plan covers as many evaluations as there are steps, so the extra last evaluation is never full.
    planned: steps,
    initialNoiseScale: 1,
    addNoise: addNoiseAt(timesteps, (index) => levelOfAlphaBar(entry(alphaBars, entry(timesteps, index)))),
    async *sample(denoiser, start, _noise, begin = 0) {
      const history: Tensor[] = []; // newest first
      const stages: Tensor[] = []; // of the current Runge-Kutta step
      let sample = start;
      let base = start; // what the current step starts from
      for (let index = givenBegin(begin, timesteps); index < timesteps.length; index++) {
        const timestep = entry(timesteps, index);
        // The reference counts from where the run begins, also when that is not the start of the schedule.
        const evaluation = index - begin;
        const output = await denoiser.predict(sample, timestep);
        if (evaluation < rungeKutta.length) {
          if (stages.length === 0) {
            base = sample;
            history.unshift(output);
          }
          stages.push(output);
          const from = entry(rungeKutta, evaluation - (evaluation % 4));
          const to = timestep - (evaluation % 2 === 0 ? Math.floor(stride / 2) : 0);
          sample = transfer(base, stages.length < 4 ? output : rungeKuttaMean(stages.splice(0)), from, to);
        } else if (evaluation === 1) {
          // The second look at the first step, from its end.
          const mean = linearCombination([0.5, output], [0.5, entry(history, 0)]);
          sample = transfer(base, mean, timestep + stride, timestep);
        } else {
          history.unshift(output);
          history.length = Math.min(history.length, 4);
          base = sample;
          sample = transfer(sample, adamsBashforth(history), timestep, timestep - stride);
        }
        sample = (yield { evaluation, timestep, sample, denoised: undefined }) ?? sample;
      }
    },
  };
}

/** Three Runge-Kutta steps, each evaluated at its start, twice in the middle and at its end. */
function rungeKuttaTimesteps(spaced: readonly number[], half: number): number[] {
  if (spaced.length < 4) {
    throw new RangeError(`Cannot sample in ${spaced.length} steps: PNDM with Runge-Kutta steps needs at least 4`);
  }
  return [0, 1, 2].flatMap((step) => {
    const [first, last] = [entry(spaced, step), entry(spaced, step + 1)];
    return [first, last + half, last + half, last];
  });
}

function rungeKuttaMean(stages: readonly Tensor[]): Tensor {
  return linearCombination(
    [1 / 6, entry(stages, 0)],
    [1 / 3, entry(stages, 1)],
    [1 / 3, entry(stages, 2)],
    [1 / 6, entry(stages, 3)],
  );
}
