import type { RgbImage } from "../image/rgb-image.ts";
import { checkSameSize } from "./psnr.ts";

/** Which of the common variants of SSIM is computed. */
export interface SsimOptions {
  /** 7x7 uniform as scikit-image's default, or 11x11 Gaussian with sigma 1.5 as in the paper of Wang et al. */
  readonly window?: "uniform" | "gaussian";
  /** The mean over red, green and blue, or brightness alone. */
  readonly of?: "rgb" | "luma";
}

/** Mean structural similarity, 1 for equal images; agrees with scikit-image at a data range of 255. */
export function ssim(image: RgbImage, other: RgbImage, { window = "uniform", of = "rgb" }: SsimOptions = {}): number {
  checkSameSize(image, other);
  const { weights } = WINDOWS[window];
  if (image.width < weights.length || image.height < weights.length) {
    throw new RangeError(
      `Cannot compare images of ${image.width}x${image.height} pixels by SSIM: its window takes ${weights.length} in each direction`,
    );
  }
  const [planes, others] = [PLANES[of](image), PLANES[of](other)];
  const similarities = planes.map((plane, i) => planeSimilarity(plane, others[i]!, WINDOWS[window]));
  return similarities.reduce((sum, similarity) => sum + similarity, 0) / similarities.length;
}

interface Plane {
  readonly width: number;
  readonly height: number;
  readonly values: Float64Array;
}

interface Window {
  /** In one direction; the window is their outer product. */
  readonly weights: readonly number[];
  /** Makes the variance of the uniform window a sample variance; scikit-image leaves the Gaussian one alone. */
  readonly correction: number;
}

const SIGMA = 1.5;
const WINDOWS = {
  uniform: { weights: normalized(Array(7).fill(1)), correction: 49 / 48 },
  gaussian: {
    weights: normalized(Array.from({ length: 11 }, (_, i) => Math.exp(-((i - 5) ** 2) / (2 * SIGMA ** 2)))),
    correction: 1,
  },
} as const satisfies Record<string, Window>;

const PLANES = {
  rgb: (image: RgbImage) => [0, 1, 2].map((channel) => plane(image, (at) => image.data[at + channel]!)),
  luma: (image: RgbImage) => [
    plane(image, (at) => 0.299 * image.data[at]! + 0.587 * image.data[at + 1]! + 0.114 * image.data[at + 2]!),
  ],
} as const;

function plane({ width, height }: RgbImage, value: (at: number) => number): Plane {
  const values = new Float64Array(width * height);
  for (let i = 0; i < values.length; i++) values[i] = value(3 * i);
  return { width, height, values };
}

const C1 = (0.01 * 255) ** 2;
const C2 = (0.03 * 255) ** 2;

function planeSimilarity(x: Plane, y: Plane, { weights, correction }: Window): number {
  const mean = (values: Float64Array): Float64Array => weighted({ ...x, values }, weights);
  const productMean = (a: Plane, b: Plane): Float64Array => mean(a.values.map((value, i) => value * b.values[i]!));
  const [ux, uy] = [mean(x.values), mean(y.values)];
  const [uxx, uyy, uxy] = [productMean(x, x), productMean(y, y), productMean(x, y)];
  let sum = 0;
  for (let i = 0; i < ux.length; i++) {
    const [mx, my] = [ux[i]!, uy[i]!];
    const variances = correction * (uxx[i]! - mx * mx + (uyy[i]! - my * my));
    const covariance = correction * (uxy[i]! - mx * my);
    sum += ((2 * mx * my + C1) * (2 * covariance + C2)) / ((mx * mx + my * my + C1) * (variances + C2));
  }
  return sum / ux.length;
}

/** Weighted means over every window that lies inside the plane. */
function weighted({ width, height, values }: Plane, weights: readonly number[]): Float64Array {
  const [columns, rows] = [width - weights.length + 1, height - weights.length + 1];
  const across = new Float64Array(columns * height);
  for (let y = 0; y < height; y++) {
    addWeighted(across.subarray(y * columns, (y + 1) * columns), values.subarray(y * width), weights, 1);
  }
  const means = new Float64Array(columns * rows);
  addWeighted(means, across, weights, columns);
  return means;
}

/** Adds to every sum the weighted values at its index and at multiples of `stride` after it. */
function addWeighted(sums: Float64Array, values: Float64Array, weights: readonly number[], stride: number): void {
  for (const [k, weight] of weights.entries()) {
    for (let i = 0; i < sums.length; i++) sums[i]! += weight * values[i + k * stride]!;
  }
}

function normalized(weights: readonly number[]): number[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}
