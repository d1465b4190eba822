import { plainImage, type RgbImage, rgbImage } from "../rgb-image.ts";

/** How a pixel is made of its neighbours: weight by distance, 0 from `support` pixels on. */
interface Filter {
  readonly support: number;
  weight(distance: number): number;
}

const FILTERS = {
  /** The mean of what a pixel covers, and the nearest pixel where a picture grows. */
  box: { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  /** Keys' kernel with a = -1/2, in Pillow's order of operations. */
  bicubic: {
    support: 2,
    weight(distance) {
      const [a, x] = [-0.5, Math.abs(distance)];
      if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
    },
  },
  lanczos: { support: 3, weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
} as const satisfies Readonly<Record<string, Filter>>;

function sinc(distance: number): number {
  if (distance === 0) return 1;
  const angle = distance * Math.PI;
  return Math.sin(angle) / angle;
}

/** How a resized image is made of the original's pixels. */
export type ResizeFilter = keyof typeof FILTERS;

/**
 * `image` in another size, byte for byte as Pillow's `Image.resize` makes it: antialiased where it shrinks, first along
 * rows and then along columns, with weights of 22 binary digits and bytes between the two.
 */
export function resizeImage(
  image: RgbImage,
  width: number,
  height: number,
  filter: ResizeFilter = "bicubic",
): RgbImage {
  if (![width, height].every((size) => Number.isInteger(size) && size > 0)) {
    throw new RangeError(
      `Cannot resize an image to ${width}x${height} pixels: positive whole numbers are required for both`,
    );
  }
  return resizeRegion(image, { left: 0, top: 0, width: image.width, height: image.height }, { width, height }, filter);
}

/** A rectangle of a picture, in pixels that need not be whole. */
export interface Region {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** `region` of `image` in another size, as Pillow's `Image.resize` makes it of its argument `box`; sizes are whole. */
export function resizeRegion(
  image: RgbImage,
  region: Region,
  { width, height }: { readonly width: number; readonly height: number },
  filter: ResizeFilter = "bicubic",
): RgbImage {
  const columns = mixtures(image.width, width, FILTERS[filter], region.left, region.left + region.width);
  const rows = mixtures(image.height, height, FILTERS[filter], region.top, region.top + region.height);
  const [top, end] = [rows[0]!.first, rows.at(-1)!.first + rows.at(-1)!.weights.length];
  const strip = rowsOf(image, top, end);
  const wide = isUnchanged(region.left, region.width, image.width, width) ? strip : resizeRows(strip, columns);
  if (isUnchanged(region.top, region.height, image.height, height)) return wide;
  return resizeColumns(
    wide,
    rows.map(({ first, weights }) => ({ first: first - top, weights })),
  );
}

const isUnchanged = (begin: number, length: number, size: number, target: number): boolean =>
  begin === 0 && length === size && size === target;

const rowsOf = ({ width, data }: RgbImage, top: number, end: number): RgbImage =>
  rgbImage(width, end - top, data.subarray(top * width * 3, end * width * 3));

const PRECISION_BITS = 22;

/** What one pixel is made of: consecutive pixels from `first` on. */
interface Mixture {
  readonly first: number;
  readonly weights: Int32Array;
}

/** Pillow's `precompute_coeffs` and `normalize_coeffs_8bpc`: `to` pixels of what lies from `begin` to `end`, in float32. */
function mixtures(
  size: number,
  to: number,
  { support, weight }: Filter,
  begin: number,
  end: number,
): readonly Mixture[] {
  const start = Math.fround(begin);
  const scale = Math.fround(Math.fround(end) - start) / to;
  const widening = Math.max(scale, 1);
  const reach = support * widening;
  return Array.from({ length: to }, (_, index) => {
    const center = start + (index + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - reach + 0.5));
    const last = Math.min(size, Math.trunc(center + reach + 0.5));
    const weights = Float64Array.from({ length: last - first }, (_, i) =>
      weight((i + first - center + 0.5) * (1 / widening)),
    );
    let total = 0;
    for (const each of weights) total += each;
    const whole = Int32Array.from(weights, (each) => {
      const scaled = (total === 0 ? each : each / total) * 2 ** PRECISION_BITS;
      return Math.trunc(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    });
    return { first, weights: whole };
  });
}

/** Weighted sum of every `step`-th byte from `start` on, rounded and moved into 0 to 255. */
function mix(data: RgbImage["data"], start: number, step: number, weights: Int32Array): number {
  let sum = 1 << (PRECISION_BITS - 1);
  for (let i = 0; i < weights.length; i++) sum += data[start + i * step]! * weights[i]!;
  return Math.min(255, Math.max(0, sum >> PRECISION_BITS));
}

function resizeRows({ width, height, data }: RgbImage, columns: readonly Mixture[]): RgbImage {
  const target = columns.length;
  const resized = plainImage(target, height);
  for (const [x, { first, weights }] of columns.entries()) {
    for (let y = 0; y < height; y++) {
      for (let channel = 0; channel < 3; channel++) {
        const start = (y * width + first) * 3 + channel;
        resized.data[(y * target + x) * 3 + channel] = mix(data, start, 3, weights);
      }
    }
  }
  return resized;
}

function resizeColumns({ width, data }: RgbImage, rows: readonly Mixture[]): RgbImage {
  const resized = plainImage(width, rows.length);
  const row = width * 3;
  for (const [y, { first, weights }] of rows.entries()) {
    for (let i = 0; i < row; i++) resized.data[y * row + i] = mix(data, first * row + i, row, weights);
  }
  return resized;
}
