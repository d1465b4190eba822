import { plainImage, type RgbImage } from "../rgb-image.ts";

/** Catmull-Rom weights of the four neighbours at `t` between the middle two. */
function weightsAt(t: number): readonly [number, number, number, number] {
  return [
    ((2 - t) * t - 1) * t * 0.5,
    ((3 * t - 5) * t * t + 2) * 0.5,
    ((4 - 3 * t) * t + 1) * t * 0.5,
    (t - 1) * t * t * 0.5,
  ];
}

/** `image` enlarged by a whole `factor`, smoothly (bicubic, Catmull-Rom): small models' pictures for the eye. */
export function enlargeSmoothly(image: RgbImage, factor: number): RgbImage {
  if (!Number.isInteger(factor) || factor < 1) {
    throw new RangeError(`Cannot enlarge an image ${factor} times: the factor must be a positive integer`);
  }
  const { width, height, data } = image;
  const rows = stretch(Float32Array.from(data), { count: height, stride: width * 3, size: width, step: 3 }, factor);
  const columns = stretch(rows, { count: width * factor, stride: 3, size: height, step: width * factor * 3 }, factor);
  const large = plainImage(width * factor, height * factor);
  for (let i = 0; i < columns.length; i++) large.data[i] = Math.min(255, Math.max(0, Math.round(columns[i]!)));
  return large;
}

interface Lines {
  readonly count: number;
  /** From line to line. */
  readonly stride: number;
  readonly size: number;
  /** From pixel to pixel of a line. */
  readonly step: number;
}

/** Every line of RGB pixels `factor` times as long; edges repeat. */
function stretch(source: Float32Array, { count, stride, size, step }: Lines, factor: number): Float32Array {
  const result = new Float32Array(source.length * factor);
  const vertical = stride < step;
  const clampIndex = (i: number): number => Math.min(size - 1, Math.max(0, i));
  for (let to = 0; to < size * factor; to++) {
    const position = (to + 0.5) / factor - 0.5;
    const first = Math.floor(position);
    const weights = weightsAt(position - first);
    const from = weights.map((_, k) => clampIndex(first - 1 + k) * step);
    for (let line = 0; line < count; line++) {
      const target = vertical ? to * step + line * stride : line * stride * factor + to * step;
      for (let channel = 0; channel < 3; channel++) {
        let sum = 0;
        for (let k = 0; k < 4; k++) sum += weights[k]! * source[line * stride + from[k]! + channel]!;
        result[target + channel] = sum;
      }
    }
  }
  return result;
}
