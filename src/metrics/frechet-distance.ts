import { checkFeatures, dot, type Matrix, row, squaredDistance, timesTransposed, transposed } from "./matrix.ts";
import { squareRootFactor, symmetricEigenvalues } from "./symmetric.ts";

/** Mean and covariance of features: all that the Fréchet distance looks at. */
export interface FeatureStatistics {
  readonly mean: Float64Array;
  readonly covariance: Matrix;
}

/** The statistics of `features`, one sample a row; the covariance is the unbiased one. */
export function featureStatistics(features: Matrix): FeatureStatistics {
  const { rows, columns } = features;
  checkFeatures(features, features, 2);
  const mean = new Float64Array(columns);
  for (let i = 0; i < rows; i++) {
    const sample = row(features, i);
    for (let j = 0; j < columns; j++) mean[j]! += sample[j]! / rows;
  }
  const centered = features.data.map((value, i) => value - mean[i % columns]!);
  const byFeature = transposed({ rows, columns, data: centered });
  const products = timesTransposed(byFeature, byFeature);
  return { mean, covariance: { ...products, data: products.data.map((value) => value / (rows - 1)) } };
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
