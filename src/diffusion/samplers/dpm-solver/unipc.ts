import { linearCombination, type Term } from "../../../tensor/linear-combination.ts";
import { entry, type Tensor } from "../../../tensor/tensor.ts";
import { givenBegin, type SamplerOptions, stepCount } from "../../sampler-options.ts";
import type { SchedulerConfig } from "../../scheduler-config.ts";
import type { SigmaSampler } from "../../schedules/karras-schedule.ts";
import { addNoiseAt, levelOfSigma } from "../../schedules/noise-schedule.ts";
import { predictClean, predictNoise } from "../../schedules/prediction.ts";
import { bounded } from "../../schedules/thresholding.ts";
import { lambdaOf } from "./dpm-solver.ts";
import { solveLinear } from "./linear-system.ts";
import { solverSchedule } from "./solver-schedule.ts";

type Config = SchedulerConfig<"UniPCMultistepScheduler">;

/** Unified predictor-corrector: each evaluation first corrects the step that led to it (Zhao et al. 2023). */
export function unipc(config: Config, options: SamplerOptions): SigmaSampler {
  const { timesteps, sigmas } = solverSchedule(config, {
    steps: stepCount(options, config.num_train_timesteps),
    last: (lowest, lowestTrained, byFormula) => {
      if (config.final_sigmas_type === "zero") return 0;
      return byFormula ? lowest : lowestTrained;
    },
  });

  return {
    timesteps,
    sigmas,
    initialNoiseScale: 1,
    addNoise: addNoiseAt(timesteps, (index) => levelOfSigma(entry(sigmas, index))),
    async *sample(denoiser, start, _noise, begin = 0) {
      const values: Tensor[] = []; // newest first
      let sample = start;
      let base = start; // what the last step started from, corrected
      let order = 0; // of the last step
      for (let index = givenBegin(begin, timesteps); index < timesteps.length; index++) {
        const timestep = entry(timesteps, index);
        const level = levelOfSigma(entry(sigmas, index));
        const output = await denoiser.predict(sample, timestep);
        const denoised = config.predict_x0
          ? bounded(predictClean(config.prediction_type, level, sample, output), config)
          : undefined;
        const value = denoised ?? predictNoise(config.prediction_type, level, sample, output);
        if (index > begin && !config.disable_corrector.includes(index - 1)) {
          sample = combination(base, correctorWeights(config, sigmas, index - 1, order), [value, ...values]);
        }
        values.unshift(value);
        values.length = Math.min(values.length, config.solver_order);
        const remaining = config.lower_order_final ? timesteps.length - index : config.solver_order;
        order = Math.min(values.length, remaining);
        base = sample;
        sample = combination(base, predictorWeights(config, sigmas, index, order), values);
        sample = (yield { evaluation: index - begin, timestep, sample, denoised }) ?? sample;
      }
    },
  };
}

interface Weights {
  readonly sample: number;
  readonly values: readonly number[];
}

const combination = (base: Tensor, weights: Weights, values: readonly Tensor[]): Tensor =>
  linearCombination([weights.sample, base], ...weights.values.map((weight, k): Term => [weight, entry(values, k)]));

/** UniP: weights of the newest value and of those before it. */
function predictorWeights(config: Config, sigmas: readonly number[], index: number, order: number): Weights {
  const { sample, first, scale, ratios, matrix, right } = stepTerms(config, sigmas, index, order);
  const inner = matrix.slice(0, -1).map((row) => row.slice(0, -1));
  const rhos = order === 2 ? [0.5] : solveLinear(inner, right.slice(0, -1));
  const [newest, older] = differenceWeights(rhos, ratios);
  return { sample, values: [first + scale * newest, ...older.map((weight) => scale * weight)] };
}

/** UniC: weights of the value at the end of the step, then those of the predictor. */
function correctorWeights(config: Config, sigmas: readonly number[], index: number, order: number): Weights {
  const { sample, first, scale, ratios, matrix, right } = stepTerms(config, sigmas, index, order);
  const rhos = order === 1 ? [0.5] : solveLinear(matrix, right);
  const atEnd = entry(rhos, order - 1);
  const [newest, older] = differenceWeights(rhos.slice(0, -1), ratios);
  return {
    sample,
    values: [scale * atEnd, first + scale * (newest - atEnd), ...older.map((weight) => scale * weight)],
  };
}

/** Σ ρ/r · (older value - newest value), as weights of the values. */
function differenceWeights(rhos: readonly number[], ratios: readonly number[]): [newest: number, older: number[]] {
  const older = rhos.map((rho, k) => rho / entry(ratios, k));
  return [-older.reduce((sum, weight) => sum + weight, 0), older];
}

/** What predictor and corrector of the step at `index` share. */
function stepTerms(config: Config, sigmas: readonly number[], index: number, order: number) {
  const [start, end] = [levelOfSigma(entry(sigmas, index)), levelOfSigma(entry(sigmas, index + 1))];
  const lambda = lambdaOf(entry(sigmas, index));
  const h = lambdaOf(entry(sigmas, index + 1)) - lambda;
  const ratios = Array.from({ length: order - 1 }, (_, k) => (lambdaOf(entry(sigmas, index - k - 1)) - lambda) / h);
  const exponent = config.predict_x0 ? -h : h;
  const growth = Math.expm1(exponent);
  const basis = config.solver_type === "bh1" ? exponent : growth; // B(h)
  const right: number[] = [];
  let phi = growth / exponent - 1;
  let factorial = 1;
  for (let k = 1; k <= order; k++) {
    right.push((phi * factorial) / basis);
    factorial *= k + 1;
    phi = phi / exponent - 1 / factorial;
  }
  const matrix = right.map((_, k) => [...ratios, 1].map((ratio) => ratio ** k));
  const magnitude = config.predict_x0 ? end.signal : end.noise;
  return {
    sample: config.predict_x0 ? end.noise / start.noise : end.signal / start.signal,
    first: -magnitude * growth,
    scale: -magnitude * basis,
    ratios,
    matrix,
    right,
  };
}
