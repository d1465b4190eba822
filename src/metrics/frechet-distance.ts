import {
  addDots,
  blocksOf,
  checkFeatures,
  dot,
  type Matrix,
  row,
  type Samples,
  samplesOf,
  squaredDistance,
  timesTransposed,
  transposed,
} from "./linear-algebra/matrix.ts";
import { squareRootFactor, symmetricEigenvalues } from "./linear-algebra/symmetric.ts";

/** Mean and covariance of features: all that the Fréchet distance looks at. */
export interface FeatureStatistics {
  readonly mean: Float64Array;
  readonly covariance: Matrix;
}

/** The statistics of `features`, one sample a row, read twice; the covariance is the unbiased one. */
export function featureStatistics(features: Matrix | Samples): FeatureStatistics {
  const samples = samplesOf(features);
  const { rows, columns } = samples;
  checkFeatures(samples, samples, 2);
  const mean = new Float64Array(columns);
  for (const block of blocksOf(samples)) {
    for (let i = 0; i < block.rows; i++) {
      const sample = row(block, i);
      for (let j = 0; j < columns; j++) mean[j]! += sample[j]! / rows;
    }
  }
  const sums = new Float64Array(columns * columns);
  for (const block of blocksOf(samples)) addProducts(sums, block, mean);
  for (let i = 0; i < columns; i++) {
    for (let j = 0; j <= i; j++) sums[j * columns + i] = sums[i * columns + j]! /= rows - 1;
  }
  return { mean, covariance: { rows: columns, columns, data: sums } };
}

/** Adds the products of every two centered features to the lower triangle of `sums`. */
function addProducts(sums: Float64Array, block: Matrix, mean: Float64Array): void {
  const { columns } = block;
  const centered = block.data.map((value, i) => value - mean[i % columns]!);
  const byFeature = transposed({ ...block, data: centered });
  for (let i = 0; i < columns; i++) {
    addDots(sums.subarray(i * columns, i * columns + i + 1), row(byFeature, i), byFeature);
  }
}

/** Fréchet distance of two normal distributions: FID for Inception's pooled features, sFID for its spatial ones. */
export function frechetDistance(real: FeatureStatistics, generated: FeatureStatistics): number {
  if (real.mean.length !== generated.mean.length) {
    throw new RangeError(`Cannot compare features of ${real.mean.length} and ${generated.mean.length} values each`);
  }
  const means = squaredDistance(real.mean, generated.mean);
  return means + trace(real.covariance) + trace(generated.covariance) - 2 * traceOfRoot(real, generated);
}

/**
 * The trace of the square root of the product of both covariances. With A = F Fᵀ, the product A B has the eigenvalues of
 * the symmetric Fᵀ B F: no square root of a matrix is needed, and singular ones are no exception.
 */
function traceOfRoot({ covariance: a }: FeatureStatistics, { covariance: b }: FeatureStatistics): number {
  const factor = transposed(squareRootFactor(a));
  const inner = timesTransposed(timesTransposed(factor, b), factor);
  return symmetricEigenvalues(inner).reduce((sum, value) => sum + Math.sqrt(Math.max(value, 0)), 0);
}

const trace = ({ rows, data }: Matrix): number => {
  const diagonal = Float64Array.from({ length: rows }, (_, i) => data[i * rows + i]!);
  return dot(diagonal, new Float64Array(rows).fill(1));
};
