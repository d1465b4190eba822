import { entry } from "../../tensor/tensor.ts";
import { betaQuantile } from "./beta-distribution.ts";
import { SOFTENED_ALPHA_BAR } from "./noise-schedule.ts";
import { linspace } from "./timesteps.ts";

/** The fields of a scheduler config that replace the noise levels of training by a formula; one at most is set. */
export interface SigmaSpacing {
  readonly use_karras_sigmas?: boolean;
  readonly use_exponential_sigmas?: boolean;
  readonly use_beta_sigmas?: boolean;
  readonly use_lu_lambdas?: boolean;
  readonly sigma_min?: number | null;
  readonly sigma_max?: number | null;
}

/** The formulas for noise levels, by the config field that asks for each. */
export type SigmaFormula = "karras" | "exponential" | "beta" | "lu";

/** σ of every training timestep: noise over signal, in float32 as the reference holds it. */
export function trainingSigmas(alphaBars: Float32Array): Float32Array {
  return alphaBars.map((alphaBar) => {
    // √(2²⁴ - 1) is all but halfway between two float32 values, and the reference rounds it up.
    if (alphaBar === SOFTENED_ALPHA_BAR) return 4096;
    return Math.sqrt(Math.fround(Math.fround(1 - alphaBar) / alphaBar));
  });
}

/** The formula that the config asks for, if it asks for any. */
export function sigmaFormula(spacing: SigmaSpacing): SigmaFormula | undefined {
  if (spacing.use_karras_sigmas) return "karras";
  if (spacing.use_lu_lambdas) return "lu";
  if (spacing.use_exponential_sigmas) return "exponential";
  return spacing.use_beta_sigmas ? "beta" : undefined;
}

/** Noise levels of `steps` steps from `highest` to `lowest` by one of the formulas. */
export function spacedSigmas(formula: SigmaFormula, highest: number, lowest: number, steps: number): number[] {
  switch (formula) {
    case "karras": {
      // Karras et al. 2022, eq. 5, with ρ = 7.
      const [max, min] = [highest ** (1 / 7), lowest ** (1 / 7)];
      return linspace(0, 1, steps).map((ramp) => (max + ramp * (min - max)) ** 7);
    }
    case "exponential":
      return linspace(Math.log(highest), Math.log(lowest), steps).map(Math.exp);
    case "lu": {
      // Lu et al. 2022: evenly spaced in λ, with logarithms rounded to float32 as the reference does.
      const [max, min] = [Math.fround(Math.log(highest)), Math.fround(Math.log(lowest))];
      return linspace(0, 1, steps).map((ramp) => Math.exp(max + ramp * (min - max)));
    }
    case "beta":
      // Lee et al. 2024: quantiles of Beta(0.6, 0.6).
      return linspace(0, 1, steps).map((ramp) => lowest + betaQuantile(1 - ramp, 0.6, 0.6) * (highest - lowest));
  }
}

/** σ at fractional `timestep`, linear between training timesteps. */
export function sigmaAt(sigmas: Float32Array, timestep: number): number {
  if (timestep >= sigmas.length - 1) return entry(sigmas, sigmas.length - 1);
  const below = Math.max(Math.floor(timestep), 0);
  const [low, high] = [entry(sigmas, below), entry(sigmas, below + 1)];
  return (high - low) * Math.max(timestep - below, 0) + low;
}

/** The fractional timestep whose noise level is `sigma`, linear in log σ between training timesteps. */
export function timestepAt(sigmas: Float32Array, sigma: number): number {
  const logSigma = Math.log(Math.max(sigma, 1e-10));
  const logAt = (index: number): number => Math.fround(Math.log(entry(sigmas, index)));
  // From the end, not by halves: softened zero terminal SNR can lie below what comes before it.
  let below = sigmas.length - 1;
  while (below > 0 && logAt(below) > logSigma) below--;
  below = Math.min(below, Math.max(sigmas.length - 2, 0));
  const above = Math.min(below + 1, sigmas.length - 1);
  const [low, high] = [logAt(below), logAt(above)];
  const weight = Math.min(Math.max((low - logSigma) / (low - high), 0), 1);
  return (1 - weight) * below + weight * above;
}
