import { mersenneTwister } from "../tensor/mersenne-twister.ts";

/** A mean with the interval that 95 of 100 resamplings of the images fall into. */
export interface Interval {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** How many times images are drawn anew, and from which seed: intervals are the same on every machine. */
export const BOOTSTRAP = { resamples: 2000, seed: 0, level: 0.95 } as const;

/**
 * Percentile bootstrap intervals (Efron 1979) of the means of several columns of values, one value for each image. All
 * columns see the same drawings, so that a difference of two columns is paired.
 */
export function bootstrapMeans(columns: readonly Float64Array[], resamples: number = BOOTSTRAP.resamples): Interval[] {
  const length = columns[0]?.length ?? 0;
  if (length === 0 || columns.some((column) => column.length !== length)) {
    throw new RangeError(`Cannot resample columns of ${columns.map((column) => column.length).join(", ")} values`);
  }
  const random = mersenneTwister(BOOTSTRAP.seed);
  const drawn = new Uint32Array(length);
  const means = columns.map(() => new Float64Array(resamples));
  for (let k = 0; k < resamples; k++) {
    for (let i = 0; i < length; i++) drawn[i] = Math.floor((random() / 2 ** 32) * length);
    for (const [c, column] of columns.entries()) means[c]![k] = meanOf(column, drawn);
  }
  return columns.map((column, c) => {
    const sorted = means[c]!.sort();
    const tail = (1 - BOOTSTRAP.level) / 2;
    return { mean: mean(column), low: quantile(sorted, tail), high: quantile(sorted, 1 - tail) };
  });
}

function meanOf(values: Float64Array, drawn: Uint32Array): number {
  let sum = 0;
  for (let i = 0; i < drawn.length; i++) sum += values[drawn[i]!]!;
  return sum / drawn.length;
}

/** Of at least one value. */
export const mean = (values: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum / values.length;
};

/** Of ascending values, interpolated linearly between neighbours. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const position = share * (sorted.length - 1);
  const below = Math.floor(position);
  const part = position - below;
  const [low, high] = [sorted[below]!, sorted[Math.min(below + 1, sorted.length - 1)]!];
  return low + part * (high - low);
}

/** Of values in any order. */
export const median = (values: readonly number[]): number => quantile(Float64Array.from(values).sort(), 0.5);

/** The share of images that counts as the worst. */
export const WORST_SHARE = 0.05;

/** Mean of the worst twentieth of the values, of one value at least. */
export function worstMean(values: Float64Array, better: "higher" | "lower"): number {
  const sorted = Float64Array.from(values).sort();
  const count = Math.max(1, Math.ceil(WORST_SHARE * sorted.length));
  return mean(better === "higher" ? sorted.subarray(0, count) : sorted.subarray(sorted.length - count));
}
