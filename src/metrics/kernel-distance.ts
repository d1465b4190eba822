import { checkFeatures, dot, type Matrix, row } from "./linear-algebra/matrix.ts";

/** Kernel Inception distance: the unbiased squared discrepancy of two sets of features under (x·y / d + 1)³. */
export function kernelDistance(real: Matrix, generated: Matrix): number {
  checkFeatures(real, generated, 2);
  return meanKernel(real, real) + meanKernel(generated, generated) - 2 * meanKernel(real, generated);
}

/** Over all pairs, except of a sample with itself. */
function meanKernel(a: Matrix, b: Matrix): number {
  let sum = 0;
  for (let i = 0; i < a.rows; i++) {
    for (let j = 0; j < b.rows; j++) {
      if (a !== b || i !== j) sum += (dot(row(a, i), row(b, j)) / a.columns + 1) ** 3;
    }
  }
  return sum / (a === b ? a.rows * (a.rows - 1) : a.rows * b.rows);
}
