/** A dense float32 array in row-major order; `data.length` is the product of `shape`. */
export interface Tensor {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

/** Number of elements of `shape`; 1 for a scalar. */
export function elementCount(shape: readonly number[]): number {
  let product = 1;
  for (const size of shape) product *= size;
  return product;
}

/** Wraps `data` as a tensor, refusing a length that the shape does not have. */
export function tensor(data: Float32Array, shape: readonly number[]): Tensor {
  if (data.length !== elementCount(shape)) {
    throw new RangeError(
      `Cannot shape ${data.length} values as [${shape.join(", ")}]: that takes ${elementCount(shape)} values`,
    );
  }
  return { data, shape };
}

/** A tensor of zeros. */
export function zeros(shape: readonly number[]): Tensor {
  return { data: new Float32Array(elementCount(shape)), shape };
}

/** Element `index` of a table, or a RangeError. */
export function entry<T>(values: ArrayLike<T>, index: number): T {
  const value = values[index];
  if (value === undefined) {
    throw new RangeError(`Index ${index} is outside a table of ${values.length} entries`);
  }
  return value;
}
