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

/** Samples one row each, of which only some have to be in memory at a time. */
export interface Samples {
  readonly rows: number;
  readonly columns: number;
  /** Rows `begin` to `end`. */
  block(begin: number, end: number): Matrix;
}

/** A matrix as samples. */
export const samplesOf = (features: Matrix | Samples): Samples =>
  "block" in features
    ? features
    : {
        rows: features.rows,
        columns: features.columns,
        block: (begin, end) => ({
          rows: end - begin,
          columns: features.columns,
          data: features.data.subarray(begin * features.columns, end * features.columns),
        }),
      };

/** Rows of a block: two of them fit into the caches at the width of Inception's features. */
const BLOCK_ROWS = 128;

/** Rows `begin` to `end` of samples, block by block. */
export function* blocksOf({ rows, block }: Samples, begin = 0, end = rows): Generator<Matrix> {
  for (let at = begin; at < end; at += BLOCK_ROWS) yield block(at, Math.min(at + BLOCK_ROWS, end));
}

/** Four sums side by side, so that additions need not wait for one another. */
export function dot(a: Float64Array, b: Float64Array): number {
  let [first, second, third, fourth] = [0, 0, 0, 0];
  let i = 0;
  for (const end = a.length - 3; i < end; i += 4) {
    first += a[i]! * b[i]!;
    second += a[i + 1]! * b[i + 1]!;
    third += a[i + 2]! * b[i + 2]!;
    fourth += a[i + 3]! * b[i + 3]!;
  }
  for (; i < a.length; i++) first += a[i]! * b[i]!;
  return first + second + (third + fourth);
}

/** Squared Euclidean distance. */
export function squaredDistance(a: Float64Array, b: Float64Array): number {
  let [even, odd] = [0, 0];
  let i = 0;
  for (const end = a.length - 1; i < end; i += 2) {
    const [left, right] = [a[i]! - b[i]!, a[i + 1]! - b[i + 1]!];
    even += left * left;
    odd += right * right;
  }
  for (; i < a.length; i++) even += (a[i]! - b[i]!) ** 2;
  return even + odd;
}

/** `a` times the transpose of `b`: all dot products of their rows. */
export function timesTransposed(a: Matrix, b: Matrix): Matrix {
  const data = new Float64Array(a.rows * b.rows);
  for (let i = 0; i < a.rows; i++) addDots(data.subarray(i * b.rows, (i + 1) * b.rows), row(a, i), b);
  return { rows: a.rows, columns: b.rows, data };
}

/** Adds to `sums` the dot products of `vector` with as many rows of `matrix`, four at a time: each number is loaded once. */
export function addDots(sums: Float64Array, vector: Float64Array, { columns, data }: Matrix): void {
  let j = 0;
  for (const end = sums.length - 3; j < end; j += 4) {
    let [first, second, third, fourth] = [0, 0, 0, 0];
    const start = j * columns;
    for (let k = 0; k < columns; k++) {
      const value = vector[k]!;
      const at = start + k;
      first += value * data[at]!;
      second += value * data[at + columns]!;
      third += value * data[at + 2 * columns]!;
      fourth += value * data[at + 3 * columns]!;
    }
    sums[j]! += first;
    sums[j + 1]! += second;
    sums[j + 2]! += third;
    sums[j + 3]! += fourth;
  }
  for (; j < sums.length; j++) {
    let sum = 0;
    for (let k = 0; k < columns; k++) sum += vector[k]! * data[j * columns + k]!;
    sums[j]! += sum;
  }
}

export function transposed({ rows, columns, data }: Matrix): Matrix {
  const turned = new Float64Array(data.length);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) turned[j * rows + i] = data[i * columns + j]!;
  }
  return { rows: columns, columns: rows, data: turned };
}

/** Refuses two sets of features that cannot be compared. */
export function checkFeatures(
  real: Pick<Matrix, "rows" | "columns">,
  generated: Pick<Matrix, "rows" | "columns">,
  fewest: number,
): void {
  if (real.columns !== generated.columns) {
    throw new RangeError(`Cannot compare features of ${real.columns} and ${generated.columns} values each`);
  }
  if (real.rows < fewest || generated.rows < fewest) {
    throw new RangeError(
      `Cannot compare ${real.rows} real samples with ${generated.rows} generated ones: each takes at least ${fewest}`,
    );
  }
}
