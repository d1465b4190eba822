import type { Tensor } from "../../tensor/tensor.ts";

/** The fields of a scheduler config that bound the predicted clean sample. */
export interface Bounds {
  readonly thresholding?: boolean;
  readonly dynamic_thresholding_ratio?: number;
  readonly sample_max_value?: number;
  readonly clip_sample?: boolean;
  readonly clip_sample_range?: number;
}

/** `clean` kept within the bounds of the config: thresholded, else clipped, else as it is. */
export function bounded(clean: Tensor, bounds: Bounds): Tensor {
  if (bounds.thresholding) {
    return thresholded(clean, bounds.dynamic_thresholding_ratio ?? 0.995, bounds.sample_max_value ?? 1);
  }
  return bounds.clip_sample ? clipped(clean, bounds.clip_sample_range ?? 1) : clean;
}

function clipped({ data, shape }: Tensor, range: number): Tensor {
  const result = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) result[i] = Math.min(Math.max(data[i]!, -range), range);
  return { data: result, shape };
}

/** Dynamic thresholding: each image divided by a quantile of its magnitudes (Saharia et al. 2022, section 2.3). */
function thresholded({ data, shape }: Tensor, ratio: number, maximum: number): Tensor {
  const result = new Float32Array(data.length);
  const stride = data.length / (shape[0] ?? 1);
  for (let start = 0; start < data.length; start += stride) {
    const image = data.subarray(start, start + stride);
    const bound = Math.min(Math.max(quantile(image.map(Math.abs).sort(), ratio), 1), maximum);
    for (let i = 0; i < stride; i++) result[start + i] = Math.min(Math.max(image[i]!, -bound), bound) / bound;
  }
  return { data: result, shape };
}

/** Quantile of sorted values, interpolated linearly. */
function quantile(sorted: Float32Array, ratio: number): number {
  const rank = ratio * (sorted.length - 1);
  const [below, above] = [sorted[Math.floor(rank)]!, sorted[Math.ceil(rank)]!];
  return below + (above - below) * (rank - Math.floor(rank));
}
