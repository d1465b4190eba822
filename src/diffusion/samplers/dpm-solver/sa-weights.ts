import { entry } from "../../../tensor/tensor.ts";
import { exponentialIntegrals } from "./exponential-integrals.ts";

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
  tau: 0 | 1,
): StepWeights => stepWeights(algorithm, sigmas, { from: index, newest: index, order, tau });

/** The stochastic Adams-Moulton step that ends at `index`, taken again with the value there (Xue et al. 2023, eq. 17). */
export const correctorWeights = (
  algorithm: SaAlgorithm,
  sigmas: readonly number[],
  index: number,
  order: number,
  tau: 0 | 1,
): StepWeights => stepWeights(algorithm, sigmas, { from: index - 1, newest: index, order, tau });

interface Step {
  readonly from: number;
  /** Index of the newest value. */
  readonly newest: number;
  readonly order: number;
  readonly tau: 0 | 1;
}

// Every operation rounds to float32 like the reference: the integrals are small differences of large numbers, and what
// rounding leaves of them shows in whole trajectories.
const f = Math.fround;
const exp = (value: number): number => f(Math.exp(value));

/** Signal, noise and half the log signal-to-noise ratio where noise is `sigma` times the signal. */
function levelOf(sigma: number) {
  const signal = f(1 / f(Math.sqrt(f(f(sigma * sigma) + 1))));
  const noise = f(sigma * signal);
  return { signal, noise, lambda: f(f(Math.log(signal)) - f(Math.log(noise))) };
}

function stepWeights(algorithm: SaAlgorithm, sigmas: readonly number[], step: Step): StepWeights {
  const { from, newest, order, tau } = step;
  const [start, end] = [levelOf(entry(sigmas, from)), levelOf(entry(sigmas, from + 1))];
  const h = f(end.lambda - start.lambda);
  const nodes = Array.from({ length: order }, (_, k) => levelOf(entry(sigmas, newest - k)).lambda);
  const speed = tau === 1 ? 2 : 1; // 1 + τ²
  if (algorithm === "noise_prediction") {
    const integrals = exponentialIntegrals(nodes, { from: start.lambda, to: end.lambda });
    const scale = f(-speed * end.signal);
    return {
      sample: f(end.signal / start.signal),
      values: integrals.map((integral) => f(scale * integral)),
      noise: f(f(tau * end.noise) * f(Math.sqrt(f(exp(2 * h) - 1)))),
    };
  }
  const integrals = exponentialIntegrals(nodes, { from: start.lambda, to: end.lambda, speed });
  if (order === 2) correct(integrals, { h, speed, lambda: end.lambda, previous: previousStep(sigmas, step, start) });
  const scale = f(f(speed * end.noise) * exp(-tau * end.lambda));
  return {
    sample: f(exp(-tau * h) * f(end.noise / start.noise)),
    values: integrals.map((integral) => f(scale * integral)),
    noise: f(end.noise * f(Math.sqrt(f(1 - exp(-2 * tau * h))))),
  };
}

/** The length of the step before, for the predictor. */
const previousStep = (
  sigmas: readonly number[],
  { newest, from }: Step,
  start: { readonly lambda: number },
): number | undefined => (newest === from ? f(start.lambda - levelOf(entry(sigmas, from - 1)).lambda) : undefined);

interface Correction {
  readonly h: number;
  readonly speed: number;
  readonly lambda: number;
  /** The length of the step before, which the predictor looks back on. */
  readonly previous: number | undefined;
}

/** Adds the reference's correction of order h³, in the manner of UniPC, to the integrals of two values. */
function correct(integrals: number[], { h, speed, lambda, previous }: Correction): void {
  const growth = f(f(f(h * speed) - 1) + exp(speed * -h));
  const scale = exp(speed * lambda);
  const change =
    previous === undefined
      ? f(scale * f(f(h / 2) - f(growth / f(speed ** 2 * h))))
      : f(f(scale * f(f(f(h * h) / 2) - f(growth / speed ** 2))) / previous);
  integrals[0] = f(entry(integrals, 0) + change);
  integrals[1] = f(entry(integrals, 1) - change);
}
