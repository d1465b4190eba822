import { dot, type Matrix, row } from "./matrix.ts";

/** A factor F with F Fᵀ equal to the positive semidefinite `matrix`, as many columns wide as its rank. */
export function squareRootFactor(matrix: Matrix): Matrix {
  const size = matrix.rows;
  const rest = Float64Array.from({ length: size }, (_, i) => matrix.data[i * size + i]!);
  const negligible = size * Number.EPSILON * Math.max(...rest);
  const factor = new Float64Array(size * size);
  let rank = 0;
  // Cholesky's decomposition, taking the largest remaining pivot.
  for (; rank < size; rank++) {
    const pivot = rest.indexOf(Math.max(...rest));
    const largest = rest[pivot]!;
    if (!(largest > negligible)) break;
    const root = Math.sqrt(largest);
    const done = factor.subarray(pivot * size, pivot * size + rank);
    for (let i = 0; i < size; i++) {
      if (rest[i] === Number.NEGATIVE_INFINITY) continue;
      const known = dot(done, factor.subarray(i * size, i * size + rank));
      const entry = i === pivot ? root : (matrix.data[i * size + pivot]! - known) / root;
      factor[i * size + rank] = entry;
      rest[i]! -= entry ** 2;
    }
    rest[pivot] = Number.NEGATIVE_INFINITY; // used
  }
  const narrow = new Float64Array(size * rank);
  for (let i = 0; i < size; i++) narrow.set(factor.subarray(i * size, i * size + rank), i * rank);
  return { rows: size, columns: rank, data: narrow };
}

/** The eigenvalues of a symmetric matrix, in increasing order. */
export function symmetricEigenvalues(matrix: Matrix): Float64Array {
  const { diagonal, beside } = tridiagonal(matrix);
  const squares = beside.map((value) => value ** 2);
  // Gershgorin: no eigenvalue lies further from zero.
  const bound = diagonal.reduce(
    (most, value, i) => Math.max(most, Math.abs(value) + Math.abs(beside[i - 1] ?? 0) + Math.abs(beside[i] ?? 0)),
    0,
  );
  return diagonal.map((_, index) => bisect(-bound, bound, (x) => countBelow(diagonal, squares, x) <= index));
}

/** Where `isLow` turns from true to false, to the last bit that `bound` leaves. */
function bisect(low: number, high: number, isLow: (x: number) => boolean): number {
  let [below, above] = [low, high];
  const width = (high - low) * Number.EPSILON;
  while (above - below > width) {
    const middle = (below + above) / 2;
    if (middle <= below || middle >= above) break;
    if (isLow(middle)) below = middle;
    else above = middle;
  }
  return (below + above) / 2;
}

/** How many eigenvalues of a tridiagonal matrix are less than `x`: the signs in its Sturm sequence. */
function countBelow(diagonal: Float64Array, squares: Float64Array, x: number): number {
  let count = 0;
  let pivot = 1;
  for (let i = 0; i < diagonal.length; i++) {
    pivot = diagonal[i]! - x - (i === 0 ? 0 : squares[i - 1]! / pivot);
    if (pivot === 0) pivot = Number.EPSILON * (Math.abs(x) + Number.MIN_VALUE) || Number.MIN_VALUE;
    if (pivot < 0) count++;
  }
  return count;
}

/** Householder's reduction: a tridiagonal matrix with the same eigenvalues. */
function tridiagonal({ rows: size, data }: Matrix): { diagonal: Float64Array; beside: Float64Array } {
  const work = { rows: size, columns: size, data: data.slice() };
  const beside = new Float64Array(Math.max(size - 1, 0));
  for (let k = 0; k + 2 < size; k++) {
    const mirror = row(work, k).slice(k + 1);
    const length = Math.sqrt(dot(mirror, mirror));
    beside[k] = mirror[0]! > 0 ? -length : length;
    if (length === 0) continue;
    mirror[0]! -= beside[k]!;
    reflect(work, mirror, k + 1);
  }
  if (size > 1) beside[size - 2] = work.data[size * size - 2]!;
  return { diagonal: Float64Array.from({ length: size }, (_, i) => work.data[i * size + i]!), beside };
}

/** Replaces the block from `start` on by H block H, where H reflects at `mirror`. */
function reflect(work: Matrix, mirror: Float64Array, start: number): void {
  const scale = 2 / dot(mirror, mirror);
  const image = mirror.map((_, i) => scale * dot(row(work, start + i).subarray(start), mirror));
  const half = (scale / 2) * dot(image, mirror);
  const change = image.map((value, i) => value - half * mirror[i]!);
  for (let i = 0; i < mirror.length; i++) {
    const target = row(work, start + i).subarray(start);
    for (let j = 0; j < mirror.length; j++) target[j]! -= mirror[i]! * change[j]! + change[i]! * mirror[j]!;
  }
}
