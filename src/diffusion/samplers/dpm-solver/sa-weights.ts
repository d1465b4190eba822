import { entry } from "../../../tensor/tensor.ts";
import { levelOfSigma } from "../../schedules/noise-schedule.ts";
import { lambdaOf } from "./dpm-solver.ts";

/** What SA-Solver integrates. */
export type SaAlgorithm = "data_prediction" | "noise_prediction";

/** What a step multiplies the sample, the values, newest first, and the noise with. */
export interface StepWeights {
  readonly sample: number;
  readonly values: readonly number[];
  readonly noise: number;
}

/** The stochastic Adams-Bashforth step from `index` to the next (Xue et al. 2023, eq. 14). */
export const predictorWeights = (
  algorithm: SaAlgorithm,
  sigmas: readonly number[],
  index: number,
  order: number,
  tau: number,
): StepWeights => stepWeights(algorithm, sigmas, { from: index, newest: index, order, tau });

/** The stochastic Adams-Moulton step that ends at `index`, taken again with the value there (Xue et al. 2023, eq. 17). */
export const correctorWeights = (
  algorithm: SaAlgorithm,
  sigmas: readonly number[],
  index: number,
  order: number,
  tau: number,
): StepWeights => stepWeights(algorithm, sigmas, { from: index - 1, newest: index, order, tau });

interface Step {
  readonly from: number;
  /** Index of the newest value. */
  readonly newest: number;
  readonly order: number;
  readonly tau: number;
}

function stepWeights(algorithm: SaAlgorithm, sigmas: readonly number[], step: Step): StepWeights {
  const { from, newest, order, tau } = step;
  const [start, end] = [levelOfSigma(entry(sigmas, from)), levelOfSigma(entry(sigmas, from + 1))];
  const [lambda, next] = [lambdaOf(entry(sigmas, from)), lambdaOf(entry(sigmas, from + 1))];
  const h = next - lambda;
  const nodes = Array.from({ length: order }, (_, k) => lambdaOf(entry(sigmas, newest - k)) - next);
  const speed = 1 + tau ** 2;
  if (algorithm === "noise_prediction") {
    const weights = lagrangeIntegrals(nodes, -h, -1);
    return {
      sample: end.signal / start.signal,
      // exp(-λ) at the end, by which the integrals are short, is σ.
      values: weights.map((weight) => -speed * end.noise * weight),
      noise: tau * end.noise * Math.sqrt(Math.expm1(2 * h)),
    };
  }
  const weights = lagrangeIntegrals(nodes, -h, speed);
  if (order === 2) {
    // The reference's correction of order h³, in the manner of UniPC.
    const excess = h ** 2 / 2 - (h * speed + Math.expm1(-speed * h)) / speed ** 2;
    const change = excess / (newest === from ? lambda - lambdaOf(entry(sigmas, from - 1)) : h);
    weights[0]! += change;
    weights[1]! -= change;
  }
  return {
    sample: Math.exp(-(tau ** 2) * h) * (end.noise / start.noise),
    // exp((1 + τ²)λ) at the end, by which the integrals are short, times exp(-τ²λ) is exp(λ): signal over noise.
    values: weights.map((weight) => speed * end.signal * weight),
    noise: end.noise * Math.sqrt(-Math.expm1(-2 * tau ** 2 * h)),
  };
}

/** Integrals from `start` to 0 of exp(speed · x) times each Lagrange polynomial through `nodes`. */
function lagrangeIntegrals(nodes: readonly number[], start: number, speed: number): number[] {
  const moments = exponentialMoments(nodes.length, start, speed);
  return nodes.map((node, k) => {
    let polynomial = [1]; // coefficients, of the constant first
    for (const other of nodes.filter((_, j) => j !== k)) {
      polynomial = Array.from(
        { length: polynomial.length + 1 },
        (_, i) => ((polynomial[i - 1] ?? 0) - other * (polynomial[i] ?? 0)) / (node - other),
      );
    }
    return polynomial.reduce((sum, coefficient, i) => sum + coefficient * entry(moments, i), 0);
  });
}

/** Integrals from `start` to 0 of exp(speed · x) · xⁱ, for i from 0, by parts. */
function exponentialMoments(count: number, start: number, speed: number): number[] {
  const moments: number[] = [];
  for (let i = 0; i < count; i++) {
    const boundary = i === 0 ? -Math.expm1(speed * start) : -(start ** i) * Math.exp(speed * start);
    moments.push((boundary - (i === 0 ? 0 : i * entry(moments, i - 1))) / speed);
  }
  return moments;
}
