import { linearCombination, type Term } from "../../../tensor/linear-combination.ts";
import { entry, type Tensor } from "../../../tensor/tensor.ts";
import { givenBegin, type SamplerOptions, stepCount } from "../../sampler-options.ts";
import type { SchedulerConfig } from "../../scheduler-config.ts";
import type { SigmaSampler } from "../../schedules/karras-schedule.ts";
import { addNoiseAt, levelOfSigma } from "../../schedules/noise-schedule.ts";
import { numpyLog } from "../../schedules/numpy-log.ts";
import { noiseBetween, predictClean } from "../../schedules/prediction.ts";
import { bounded } from "../../schedules/thresholding.ts";
import { solverWeights } from "./dpm-solver.ts";
import { solverSchedule } from "./solver-schedule.ts";

/** Diffusion exponential integrator, multistep in log ρ (Zhang and Chen 2022). */
export function deis(config: SchedulerConfig<"DEISMultistepScheduler">, options: SamplerOptions): SigmaSampler {
  const { timesteps, sigmas } = solverSchedule(config, {
    steps: stepCount(options, config.num_train_timesteps),
    last: (lowest, lowestTrained, byFormula) => (byFormula ? lowest : lowestTrained),
  });
  const few = config.lower_order_final && timesteps.length < 15;

  return {
    timesteps,
    sigmas,
    initialNoiseScale: 1,
    addNoise: addNoiseAt(timesteps, (index) => levelOfSigma(entry(sigmas, index))),
    async *sample(denoiser, start, _noise, begin = 0) {
      const values: Tensor[] = []; // predicted noise, newest first
      let sample = start;
      for (let index = givenBegin(begin, timesteps); index < timesteps.length; index++) {
        const timestep = entry(timesteps, index);
        const level = levelOfSigma(entry(sigmas, index));
        const output = await denoiser.predict(sample, timestep);
        const denoised = bounded(predictClean(config.prediction_type, level, sample, output), config);
        values.unshift(noiseBetween(level, sample, denoised));
        const remaining = few ? timesteps.length - index : Number.POSITIVE_INFINITY;
        values.length = Math.min(values.length, config.solver_order, remaining);
        const next = levelOfSigma(entry(sigmas, index + 1));
        const weights = valueWeights(sigmas, index, values.length);
        const terms = values.map((value, k): Term => [entry(weights, k), value]);
        sample = linearCombination([next.signal / level.signal, sample], ...terms);
        sample = (yield { evaluation: index - begin, timestep, sample, denoised }) ?? sample;
      }
    },
  };
}

/** Weights of the last `order` noises: integrals over ρ of the polynomials in log ρ through them. */
export function valueWeights(sigmas: readonly number[], index: number, order: number): number[] {
  const [from, to] = [entry(sigmas, index), entry(sigmas, index + 1)];
  if (order === 1) return [solverWeights("dpmsolver", from, to).value];
  const { signal } = levelOfSigma(to);
  const nodes = Array.from({ length: order }, (_, k) => numpyLog(rhoOf(entry(sigmas, index - k))));
  return nodes.map((node, k) => {
    const others = [...nodes.slice(k + 1), ...nodes.slice(0, k)]; // as the reference goes through them
    return signal * round(integral(rhoOf(to), node, others) - integral(rhoOf(from), node, others));
  });
}

const round = Math.fround;

/** Noise over signal of a level that is held as both, which is σ but for its rounding. */
function rhoOf(sigma: number): number {
  const alpha = round(1 / round(Math.sqrt(round(round(sigma ** 2) + 1))));
  return round(round(sigma * alpha) / alpha);
}

/**
 * Antiderivative in ρ of the Lagrange polynomial in log ρ that is 1 at `node` and 0 at one or two `others`. Rounded to
 * float32 where the reference rounds: of what is far above 1, the rounding shows in the differences.
 */
function integral(rho: number, node: number, [c = 0, d]: readonly number[]): number {
  const log = numpyLog(rho);
  if (d === undefined) return round(round(rho * round(round(log - c) - 1)) / round(node - c));
  const first = round(c * round(round(d - log) + 1));
  const second = round(round(first - round(d * log)) + d);
  const bracket = round(round(round(second + round(log ** 2)) - round(2 * log)) + 2);
  return round(round(rho * bracket) / round(round(node - c) * round(node - d)));
}
