import { checkFeatures, type Matrix, row, squaredDistance } from "./matrix.ts";

/**
 * Improved precision and recall (Kynkäänniemi et al., 2019): the share of generated samples within reach of a real one,
 * and the reverse. A sample reaches as far as its `neighbors`-th nearest of its own kind.
 */
export function precisionAndRecall(
  real: Matrix,
  generated: Matrix,
  neighbors = 3,
): { precision: number; recall: number } {
  checkFeatures(real, generated, neighbors + 1);
  return { precision: coverage(real, generated, neighbors), recall: coverage(generated, real, neighbors) };
}

/** The share of `samples` within reach of some row of `manifold`. */
function coverage(manifold: Matrix, samples: Matrix, neighbors: number): number {
  const reach = squaredReach(manifold, neighbors);
  let covered = 0;
  for (let j = 0; j < samples.rows; j++) {
    const sample = row(samples, j);
    if (reach.some((limit, i) => squaredDistance(row(manifold, i), sample) <= limit)) covered++;
  }
  return covered / samples.rows;
}

function squaredReach(manifold: Matrix, neighbors: number): Float64Array {
  return Float64Array.from({ length: manifold.rows }, (_, i) => {
    const sample = row(manifold, i);
    const distances = Float64Array.from({ length: manifold.rows }, (_, j) => squaredDistance(sample, row(manifold, j)));
    return distances.sort()[neighbors]!; // the nearest is the sample itself
  });
}
