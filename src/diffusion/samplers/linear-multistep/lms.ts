import { linearCombination, type Term } from "../../../tensor/linear-combination.ts";
import { entry, type Tensor } from "../../../tensor/tensor.ts";
import { givenBegin, type SamplerOptions, stepCount } from "../../sampler-options.ts";
import type { SchedulerConfig } from "../../scheduler-config.ts";
import {
  initialNoiseScale,
  karrasSchedule,
  type SigmaSampler,
  scaledInput,
  slope,
} from "../../schedules/karras-schedule.ts";
import { addNoiseAt } from "../../schedules/noise-schedule.ts";
import { predictCleanUnscaled } from "../../schedules/prediction.ts";

/** Linear multistep: the slopes of the last steps, extrapolated by a polynomial in σ (k-diffusion, `sample_lms`). */
export function lms(config: SchedulerConfig<"LMSDiscreteScheduler">, options: SamplerOptions): SigmaSampler {
  const { timesteps, sigmas } = karrasSchedule(config, stepCount(options, config.num_train_timesteps));
  const highestOrder = options.order ?? 4;
  if (!Number.isInteger(highestOrder) || highestOrder < 1 || highestOrder > 8) {
    throw new RangeError(`Cannot combine ${highestOrder} derivatives: required is a whole number from 1 to 8`);
  }

  return {
    timesteps,
    sigmas,
    initialNoiseScale: initialNoiseScale(config, sigmas),
    addNoise: addNoiseAt(timesteps, (index) => ({ signal: 1, noise: entry(sigmas, index) })),
    async *sample(denoiser, start, _noise, begin = 0) {
      const slopes: Tensor[] = []; // newest first
      let sample = start;
      for (let index = givenBegin(begin, timesteps); index < timesteps.length; index++) {
        const timestep = entry(timesteps, index);
        const sigma = entry(sigmas, index);
        const output = await denoiser.predict(scaledInput(sample, sigma), timestep);
        const denoised = predictCleanUnscaled(config.prediction_type, sigma, sample, output);
        slopes.unshift(slope(sample, denoised, sigma));
        // By position in the schedule, as in the reference: a run that begins later leaves out the slopes it lacks.
        const order = Math.min(index + 1, highestOrder);
        slopes.length = Math.min(slopes.length, order);
        const terms = slopes.map((value, k): Term => [integratedWeight(sigmas, index, order, k), value]);
        sample = linearCombination([1, sample], ...terms);
        sample = (yield { evaluation: index - begin, timestep, sample, denoised }) ?? sample;
      }
    },
  };
}

/** Nodes and weights of Gauss-Legendre quadrature on -1…1, exact up to degree 7: enough for the product of 7 slopes. */
const GAUSS = [
  [-0.8611363115940526, 0.34785484513745385],
  [-0.33998104358485626, 0.6521451548625461],
  [0.33998104358485626, 0.6521451548625461],
  [0.8611363115940526, 0.34785484513745385],
] as const;

/** The integral over a step of the Lagrange polynomial that is 1 at the `k`th last noise level and 0 at the others. */
function integratedWeight(sigmas: readonly number[], index: number, order: number, k: number): number {
  const [from, to, node] = [entry(sigmas, index), entry(sigmas, index + 1), entry(sigmas, index - k)];
  let integral = 0;
  for (const [position, weight] of GAUSS) {
    const sigma = (from + to) / 2 + ((to - from) / 2) * position;
    let product = weight;
    for (let j = 0; j < order; j++) {
      const other = entry(sigmas, index - j);
      if (j !== k) product *= (sigma - other) / (node - other);
    }
    integral += product;
  }
  return (integral * (to - from)) / 2;
}
