import type { Difference } from "../systems/recommended/profile.ts";

/** Two-sided 95 % quantiles of Student's t by degrees of freedom from 1 on. */
const QUANTILES = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131, 2.12, 2.11,
  2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
];
/** Of the normal distribution, for more. */
const NORMAL = 1.96;

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** Mean of a − b over pairs, and half of its 95 % interval. */
export function pairedDifference(a: readonly number[], b: readonly number[]): Difference {
  const differences = a.map((value, i) => value - (b[i] ?? Number.NaN));
  const center = mean(differences);
  const n = differences.length;
  if (n < 2) return { mean: center, halfWidth: Number.POSITIVE_INFINITY };
  const variance = differences.reduce((sum, value) => sum + (value - center) ** 2, 0) / (n - 1);
  return { mean: center, halfWidth: (QUANTILES[n - 2] ?? NORMAL) * Math.sqrt(variance / n) };
}
