import type { Denoiser } from "../diffusion/denoiser.ts";
import { elementCount, type Tensor } from "../tensor/tensor.ts";

/** How classifier-free guidance combines its two predictions. */
export interface GuidanceOptions {
  readonly scale: number;
  /** 0 leaves the guided prediction as it is, 1 gives it the conditional one's deviation (Lin et al. 2023, §3.4). */
  readonly rescale?: number;
  /** Whether the network is shown the batch once. */
  readonly shared?: boolean;
}

/**
 * Classifier-free guidance (Ho & Salimans 2022): `inner` predicts for the batch twice, without the condition and with it,
 * in this order; the result is without + scale · (with − without). It is shown the batch twice, or once where it shares
 * what is the same for both.
 */
export function guidedDenoiser(inner: Denoiser, { scale, rescale = 0, shared = false }: GuidanceOptions): Denoiser {
  return {
    async predict(sample, timestep) {
      const both = await inner.predict(shared ? sample : twice(sample), timestep);
      const guided = combine(both, scale);
      return rescale > 0 ? rescaled(guided, both, rescale) : guided;
    },
  };
}

function twice({ data, shape }: Tensor): Tensor {
  const doubled = new Float32Array(2 * data.length);
  doubled.set(data);
  doubled.set(data, data.length);
  return { data: doubled, shape: [2 * (shape[0] ?? 1), ...shape.slice(1)] };
}

function combine({ data, shape }: Tensor, scale: number): Tensor {
  const half = data.length / 2;
  const result = new Float32Array(half);
  for (let i = 0; i < half; i++) {
    const without = data[i]!;
    result[i] = without + scale * (data[half + i]! - without);
  }
  return { data: result, shape: [(shape[0] ?? 2) / 2, ...shape.slice(1)] };
}

function rescaled(guided: Tensor, both: Tensor, rescale: number): Tensor {
  const rows = guided.shape[0] ?? 1;
  const size = elementCount(guided.shape) / rows;
  const result = new Float32Array(guided.data.length);
  for (let row = 0; row < rows; row++) {
    const part = guided.data.subarray(row * size, (row + 1) * size);
    const conditional = both.data.subarray((rows + row) * size, (rows + row + 1) * size);
    const factor = rescale * (deviation(conditional) / deviation(part)) + (1 - rescale);
    for (let i = 0; i < size; i++) result[row * size + i] = part[i]! * factor;
  }
  return { data: result, shape: guided.shape };
}

/** Sample standard deviation. */
function deviation(values: Float32Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  const mean = sum / values.length;
  let squares = 0;
  for (const value of values) squares += (value - mean) ** 2;
  return Math.sqrt(squares / (values.length - 1));
}
