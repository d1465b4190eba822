import { mersenneTwister } from "../../tensor/mersenne-twister.ts";

/** A mean, or another value of all images, with its 95 % interval. */
export interface Interval {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** How many times images are drawn anew, and from which seed: intervals are the same on every machine. */
export const BOOTSTRAP = { resamples: 2000, seed: 0, level: 0.95 } as const;

/** The mean of a column of values, and its means over drawings that other columns were seen by as well. */
export interface Resampled {
  readonly mean: number;
  readonly means: Float64Array;
}

/** Draws the rows of several columns anew, all of them together, so that differences of columns are paired. */
export function resample(columns: readonly Float64Array[], resamples: number = BOOTSTRAP.resamples): Resampled[] {
  const length = columns[0]?.length ?? 0;
  if (length === 0 || columns.some((column) => column.length !== length)) {
    throw new RangeError(`Cannot resample columns of ${columns.map((column) => column.length).join(", ")} values`);
  }
  const random = mersenneTwister(BOOTSTRAP.seed);
  const drawn = new Uint32Array(length);
  const resampled = columns.map((column) => ({ mean: mean(column), means: new Float64Array(resamples) }));
  for (let k = 0; k < resamples; k++) {
    for (let i = 0; i < length; i++) drawn[i] = Math.floor((random() / 2 ** 32) * length);
    for (const [c, { means }] of resampled.entries()) means[k] = meanOf(columns[c]!, drawn);
  }
  return resampled;
}

/** The mean of a column less another's, on the same drawings. */
export const differenceOf = (a: Resampled, b: Resampled): Resampled => ({
  mean: a.mean - b.mean,
  means: a.means.map((value, k) => value - b.means[k]!),
});

/** The percentile bootstrap interval (Efron 1979) of a mean. */
export function intervalOf({ mean, means }: Resampled): Interval {
  const sorted = means.toSorted();
  const tail = (1 - BOOTSTRAP.level) / 2;
  return { mean, low: quantile(sorted, tail), high: quantile(sorted, 1 - tail) };
}

/** Of a normal distribution, to each side of its middle, for 95 %. */
const DEVIATIONS = 1.96;

/** A value that is no mean, and what it is where one group of images after the other is left out. */
export interface Jackknifed {
  readonly value: number;
  readonly without: readonly number[];
}

/** The jackknife's interval (Tukey 1958); nothing where there are fewer than two groups. */
export function jackknifeInterval({ value, without }: Jackknifed): Interval | undefined {
  const groups = without.length;
  if (groups < 2) return undefined;
  const middle = mean(without);
  const squares = without.reduce((sum, rest) => sum + (rest - middle) ** 2, 0);
  const reach = DEVIATIONS * Math.sqrt(((groups - 1) / groups) * squares);
  return { mean: value, low: value - reach, high: value + reach };
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
