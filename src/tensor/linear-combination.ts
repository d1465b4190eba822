import type { Tensor } from "./tensor.ts";

/** One summand of a linear combination. */
export type Term = readonly [coefficient: number, tensor: Tensor];

/** Refuses to combine `other` with a tensor of another shape. */
export function requireShape({ shape }: Tensor, other: Tensor): void {
  if (other.shape.join() !== shape.join()) {
    throw new RangeError(
      `Cannot combine a tensor of shape [${other.shape.join(", ")}] with one of [${shape.join(", ")}]`,
    );
  }
}

/** Σ coefficient · tensor over tensors of one shape, summed in float64 and rounded to float32 once. */
export function linearCombination(first: Term, ...rest: readonly Term[]): Tensor {
  const { shape, data } = first[1];
  const coefficients = Float64Array.of(first[0], ...rest.map(([coefficient]) => coefficient));
  const arrays = [data, ...rest.map(([, tensor]) => tensor.data)];
  for (const [, tensor] of rest) requireShape(first[1], tensor);
  const result = new Float32Array(data.length);
  for (let i = 0; i < result.length; i++) {
    let sum = 0;
    for (let k = 0; k < arrays.length; k++) sum += coefficients[k]! * arrays[k]![i]!;
    result[i] = sum;
  }
  return { data: result, shape };
}
