import {
  blocksOf,
  checkFeatures,
  dot,
  type Matrix,
  row,
  type Samples,
  samplesOf,
  timesTransposed,
} from "./linear-algebra/matrix.ts";

/**
 * Improved precision and recall (Kynkäänniemi et al., 2019): the share of generated samples within reach of a real one,
 * and the reverse. A sample reaches as far as its `neighbors`-th nearest of its own kind.
 */
export function precisionAndRecall(
  real: Matrix | Samples,
  generated: Matrix | Samples,
  neighbors = 3,
): { precision: number; recall: number } {
  const [one, other] = [samplesOf(real), samplesOf(generated)];
  checkFeatures(one, other, neighbors + 1);
  return { precision: coverage(one, other, neighbors), recall: coverage(other, one, neighbors) };
}

/** The share of `samples` within reach of some row of `manifold`. */
export function coverage(manifold: Samples, samples: Samples, neighbors = 3): number {
  checkFeatures(manifold, samples, neighbors + 1);
  const reach = squaredReach(manifold, neighbors);
  let covered = 0;
  for (const block of blocksOf(samples)) {
    const found = new Array<boolean>(block.rows).fill(false);
    let start = 0;
    for (const real of blocksOf(manifold)) {
      const distances = squaredDistances(block, real);
      for (let j = 0; j < block.rows; j++) {
        const own = row(distances, j);
        for (let i = 0; i < real.rows && !found[j]; i++) if (own[i]! <= reach[start + i]!) found[j] = true;
      }
      start += real.rows;
    }
    covered += found.filter(Boolean).length;
  }
  return covered / samples.rows;
}

/** The squared distance of every sample to its `neighbors`-th nearest other one. */
function squaredReach(manifold: Samples, neighbors: number): Float64Array {
  const reach = new Float64Array(manifold.rows);
  let start = 0;
  for (const block of blocksOf(manifold)) {
    // In increasing order; the nearest is the sample itself.
    const nearest = Array.from({ length: block.rows }, () => new Float64Array(neighbors + 1).fill(Infinity));
    for (const other of blocksOf(manifold)) {
      const distances = squaredDistances(block, other);
      for (let i = 0; i < block.rows; i++) for (const distance of row(distances, i)) insert(nearest[i]!, distance);
    }
    for (const [i, distances] of nearest.entries()) reach[start + i] = distances[neighbors]!;
    start += block.rows;
  }
  return reach;
}

/** Squared distances of every row of `a` to every row of `b`, from norms and products, which share their loads. */
function squaredDistances(a: Matrix, b: Matrix): Matrix {
  const norms = (matrix: Matrix): number[] =>
    Array.from({ length: matrix.rows }, (_, i) => dot(row(matrix, i), row(matrix, i)));
  const [ownNorms, otherNorms] = [norms(a), norms(b)];
  const products = timesTransposed(a, b);
  const data = products.data.map(
    (product, at) => ownNorms[Math.floor(at / b.rows)]! + otherNorms[at % b.rows]! - 2 * product,
  );
  return { ...products, data };
}

/** Puts `value` into a list in increasing order, whose last entry falls out. */
function insert(sorted: Float64Array, value: number): void {
  let i = sorted.length - 1;
  if (!(value < sorted[i]!)) return;
  for (; i > 0 && sorted[i - 1]! > value; i--) sorted[i] = sorted[i - 1]!;
  sorted[i] = value;
}
