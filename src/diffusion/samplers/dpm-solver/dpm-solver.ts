import type { Tensor } from "../../../tensor/tensor.ts";
import { splitVariance } from "../../schedules/learned-variance.ts";
import { levelOfSigma, type NoiseLevel } from "../../schedules/noise-schedule.ts";
import { noiseBetween, type PredictionType, predictClean, predictNoise } from "../../schedules/prediction.ts";
import { type Bounds, bounded } from "../../schedules/thresholding.ts";

/** The variants of DPM-Solver: in noise or, with ++, in clean samples; as ODE or as SDE. */
export type SolverAlgorithm = "dpmsolver" | "dpmsolver++" | "sde-dpmsolver" | "sde-dpmsolver++";

/** Whether a variant draws noise in every step. */
export const isStochastic = (algorithm: SolverAlgorithm): boolean => algorithm.startsWith("sde");

/** What a step multiplies the sample, the solver's value and its differences, and the drawn noise with. */
export interface SolverWeights {
  readonly sample: number;
  readonly value: number;
  /** Of the first difference in a second-order step by the midpoint rule. */
  readonly midpoint: number;
  /** Of the first difference otherwise. */
  readonly slope: number;
  readonly curvature: number;
  readonly noise: number;
}

/** Half the log signal-to-noise ratio where noise is `sigma` times the signal. */
export const lambdaOf = (sigma: number): number => -Math.log(sigma);

/** What stands for the noise level where noise is `sigma` times the signal. */
export type LevelOfSigma = (sigma: number) => NoiseLevel;

/** The weights of a step between two noise levels (Lu et al. 2022, DPM-Solver and DPM-Solver++). */
export function solverWeights(
  algorithm: SolverAlgorithm,
  from: number,
  to: number,
  levelOf: LevelOfSigma = levelOfSigma,
): SolverWeights {
  const [start, end] = [levelOf(from), levelOf(to)];
  const h = lambdaOf(to) - lambdaOf(from);
  switch (algorithm) {
    case "dpmsolver++":
      return { sample: end.noise / start.noise, ...integrals(end.signal, -h), noise: 0 };
    case "dpmsolver":
      return { sample: end.signal / start.signal, ...integrals(end.noise, h), noise: 0 };
    case "sde-dpmsolver++":
      return {
        sample: (end.noise / start.noise) * Math.exp(-h),
        ...integrals(end.signal, -2 * h),
        // Not the integral of the other variants: the sign of the 0.5 is the reference's.
        curvature: end.signal * ((1 - Math.exp(-2 * h) - 2 * h) / (2 * h) ** 2 - 0.5),
        // Rounding may leave two levels that should be equal in the wrong order.
        noise: end.noise * Math.sqrt(Math.max(0, 1 - Math.exp(-2 * h))),
      };
    case "sde-dpmsolver": {
      const once = integrals(end.noise, h);
      return {
        sample: end.signal / start.signal,
        value: 2 * once.value,
        midpoint: 2 * once.midpoint,
        slope: 2 * once.slope,
        curvature: Number.NaN, // the reference has no third order of this variant
        noise: end.noise * Math.sqrt(Math.exp(2 * h) - 1),
      };
    }
  }
}

/** The exponential integrators of orders 1 to 3 over `exponent`, scaled. */
function integrals(scale: number, exponent: number): Omit<SolverWeights, "sample" | "noise"> {
  const growth = Math.exp(exponent) - 1;
  return {
    value: -scale * growth,
    midpoint: -0.5 * scale * growth,
    slope: -scale * (growth / exponent - 1),
    curvature: -scale * ((growth - exponent) / exponent ** 2 - 0.5),
  };
}

interface Conversion extends Bounds {
  readonly prediction_type: PredictionType;
  readonly algorithm_type: SolverAlgorithm;
  readonly variance_type: "learned" | "learned_range" | null;
}

/** What the solver integrates, and the clean sample where it computes one. */
export interface SolverValue {
  readonly value: Tensor;
  readonly denoised: Tensor | undefined;
}

/** The network's output as the variant integrates it: as clean sample or as noise. */
export function solverValue(config: Conversion, sigma: number, sample: Tensor, output: Tensor): SolverValue {
  const level = levelOfSigma(sigma);
  const prediction = config.variance_type ? splitVariance(output, sample.shape[1] ?? 0).prediction : output;
  const type = config.prediction_type;
  if (config.algorithm_type === "dpmsolver++" || config.algorithm_type === "sde-dpmsolver++") {
    const denoised = bounded(predictClean(type, level, sample, prediction), config);
    return { value: denoised, denoised };
  }
  if (!config.thresholding) return { value: predictNoise(type, level, sample, prediction), denoised: undefined };
  return noiseOf(level, sample, bounded(predictClean(type, level, sample, prediction), config));
}

const noiseOf = (level: NoiseLevel, sample: Tensor, denoised: Tensor): SolverValue => ({
  value: noiseBetween(level, sample, denoised),
  denoised,
});

/** Sums of coefficient lists: Σ factor · list. */
export function combined(...parts: readonly (readonly [factor: number, list: readonly number[]])[]): number[] {
  const length = Math.max(...parts.map(([, list]) => list.length));
  return Array.from({ length }, (_, i) => parts.reduce((sum, [factor, list]) => sum + factor * (list[i] ?? 0), 0));
}
