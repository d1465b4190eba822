/** A dense float64 matrix, row after row. Rows of features are samples. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly data: Float64Array;
}

/** Wraps `data` as a matrix, refusing a length that the size does not have. */
export function matrix(rows: number, columns: number, data: Float64Array): Matrix {
  if (data.length !== rows * columns) {
    throw new RangeError(`Cannot make a ${rows}x${columns} matrix of ${data.length} values`);
  }
  return { rows, columns, data };
}

/** Row `index` as a view. */
export const row = ({ columns, data }: Matrix, index: number): Float64Array =>
  data.subarray(index * columns, (index + 1) * columns);

export function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** Squared Euclidean distance. */
export function squaredDistance(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2;
  return sum;
}

/** `a` times the transpose of `b`: all dot products of their rows. */
export function timesTransposed(a: Matrix, b: Matrix): Matrix {
  const data = new Float64Array(a.rows * b.rows);
  for (let i = 0; i < a.rows; i++) {
    const left = row(a, i);
    for (let j = 0; j < b.rows; j++) data[i * b.rows + j] = dot(left, row(b, j));
  }
  return { rows: a.rows, columns: b.rows, data };
}

export function transposed({ rows, columns, data }: Matrix): Matrix {
  const turned = new Float64Array(data.length);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) turned[j * rows + i] = data[i * columns + j]!;
  }
  return { rows: columns, columns: rows, data: turned };
}

/** Refuses two sets of features that cannot be compared. */
export function checkFeatures(real: Matrix, generated: Matrix, fewest: number): void {
  if (real.columns !== generated.columns) {
    throw new RangeError(`Cannot compare features of ${real.columns} and ${generated.columns} values each`);
  }
  if (real.rows < fewest || generated.rows < fewest) {
    throw new RangeError(
      `Cannot compare ${real.rows} real samples with ${generated.rows} generated ones: each takes at least ${fewest}`,
    );
  }
}
