import { elementCount, type Tensor } from "../../src/tensor/tensor.ts";

/** Uniform in [0, 1), the same for the same seed everywhere (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let bits = Math.imul(state ^ (state >>> 15), 1 | state);
    bits = (bits + Math.imul(bits ^ (bits >>> 7), 61 | bits)) ^ bits;
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Values uniform in [-1, 1). */
export function randomTensor(shape: readonly number[], seed: number): Tensor {
  const next = randomNumbers(seed);
  return { data: Float32Array.from({ length: elementCount(shape) }, () => 2 * next() - 1), shape };
}

/** Random tensors of the given shapes, each from another seed. */
export const randomTensors = <Name extends string>(
  shapes: Readonly<Record<Name, readonly number[]>>,
): Record<Name, Tensor> =>
  Object.fromEntries(
    Object.entries<readonly number[]>(shapes).map(([name, shape], i) => [name, randomTensor(shape, 100 + i)]),
  ) as Record<Name, Tensor>;
