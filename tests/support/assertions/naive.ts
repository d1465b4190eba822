import { elementCount, type Tensor } from "../../../src/tensor/tensor.ts";

/** Layers as their definitions read, in float64 and without regard for speed: what the graphs are held against. */

const filled = (shape: readonly number[], at: (index: readonly number[]) => number): Tensor => {
  const data = new Float32Array(elementCount(shape));
  for (let i = 0; i < data.length; i++) {
    let rest = i;
    const index = shape.map(() => 0);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis] = rest % shape[axis]!;
      rest = Math.floor(rest / shape[axis]!);
    }
    data[i] = at(index);
  }
  return { data, shape };
};

/** The element at `index`; 0 outside, as zero padding has it. */
const at = ({ data, shape }: Tensor, ...index: readonly number[]): number => {
  if (index.some((i, axis) => i < 0 || i >= shape[axis]!)) return 0;
  return data[index.reduce((offset, i, axis) => offset * shape[axis]! + i, 0)]!;
};

const sum = (count: number, term: (i: number) => number): number => {
  let total = 0;
  for (let i = 0; i < count; i++) total += term(i);
  return total;
};

export const naiveMap = ({ data, shape }: Tensor, change: (x: number, i: number) => number): Tensor => ({
  data: data.map(change),
  shape,
});

export const naiveAdd = (a: Tensor, b: Tensor): Tensor => naiveMap(a, (x, i) => x + b.data[i]!);

export const naiveReshape = ({ data }: Tensor, shape: readonly number[]): Tensor => ({ data, shape });

export const naiveTranspose = (x: Tensor, perm: readonly number[]): Tensor =>
  filled(
    perm.map((axis) => x.shape[axis]!),
    (index) => at(x, ...perm.map((_, axis) => index[perm.indexOf(axis)]!)),
  );

export function naiveConv2d(
  x: Tensor,
  weight: Tensor,
  bias?: Tensor,
  { stride = 1, pads = [0, 0, 0, 0] }: { stride?: number; pads?: readonly [number, number, number, number] } = {},
): Tensor {
  const [batch, , height, width] = x.shape as [number, number, number, number];
  const [out, inner, kh, kw] = weight.shape as [number, number, number, number];
  const [top, left, bottom, right] = pads;
  const rows = Math.floor((height + top + bottom - kh) / stride) + 1;
  const columns = Math.floor((width + left + right - kw) / stride) + 1;
  return filled([batch, out, rows, columns], ([n, o, i, j]) => {
    const start = bias === undefined ? 0 : at(bias, o!);
    const pixel = (c: number, y: number): number =>
      sum(kw, (u) => at(x, n!, c, i! * stride + y - top, j! * stride + u - left) * at(weight, o!, c, y, u));
    return start + sum(inner, (c) => sum(kh, (y) => pixel(c, y)));
  });
}

/** x · weightᵀ + bias over the last axis. */
export function naiveLinear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  const [out, inner] = weight.shape as [number, number];
  const flat = naiveReshape(x, [x.data.length / inner, inner]);
  const y = filled(
    [flat.shape[0]!, out],
    ([r, o]) => (bias === undefined ? 0 : at(bias, o!)) + sum(inner, (c) => at(flat, r!, c) * at(weight, o!, c)),
  );
  return naiveReshape(y, [...x.shape.slice(0, -1), out]);
}

/** Each of `groups` runs of elements, within every row of the first axis, to mean 0 and variance 1. */
function normalised({ data, shape }: Tensor, rows: number, epsilon: number): Tensor {
  const size = data.length / rows;
  const statistics = Array.from({ length: rows }, (_, row) => {
    const mean = sum(size, (i) => data[row * size + i]!) / size;
    const variance = sum(size, (i) => (data[row * size + i]! - mean) ** 2) / size;
    return { mean, deviation: Math.sqrt(variance + epsilon) };
  });
  return naiveMap({ data, shape }, (x, i) => {
    const { mean, deviation } = statistics[Math.floor(i / size)]!;
    return (x - mean) / deviation;
  });
}

export function naiveGroupNorm(x: Tensor, gamma: Tensor, beta: Tensor, groups: number, epsilon: number): Tensor {
  const [batch, channels] = x.shape as [number, number];
  const plane = x.data.length / batch / channels;
  return naiveMap(normalised(x, batch * groups, epsilon), (y, i) => {
    const channel = Math.floor(i / plane) % channels;
    return y * at(gamma, channel) + at(beta, channel);
  });
}

export function naiveLayerNorm(x: Tensor, gamma: Tensor, beta: Tensor, epsilon: number): Tensor {
  const width = x.shape.at(-1)!;
  return naiveMap(
    normalised(x, x.data.length / width, epsilon),
    (y, i) => y * at(gamma, i % width) + at(beta, i % width),
  );
}

/** softmax(QKᵀ/√d)·V for each head; query [B, S, h·d], key and value [B, L, h·d]. */
export function naiveAttention(query: Tensor, key: Tensor, value: Tensor, heads: number): Tensor {
  const [, length, width] = key.shape as [number, number, number];
  const size = width / heads;
  return filled(query.shape, ([b, s, c]) => {
    const first = Math.floor(c! / size) * size;
    const scores = Array.from({ length }, (_, l) =>
      Math.exp(sum(size, (i) => at(query, b!, s!, first + i) * at(key, b!, l, first + i)) / Math.sqrt(size)),
    );
    return sum(length, (l) => scores[l]! * at(value, b!, l, c!)) / sum(length, (l) => scores[l]!);
  });
}

export const naiveSilu = (x: Tensor): Tensor => naiveMap(x, (v) => v / (1 + Math.exp(-v)));
export const naiveQuickGelu = (x: Tensor): Tensor => naiveMap(x, (v) => v / (1 + Math.exp(-1.702 * v)));
export const naiveGelu = (x: Tensor): Tensor => naiveMap(x, (v) => (v / 2) * (1 + erf(v / Math.SQRT2)));

/** The series around 0; good to ten digits up to 4. */
function erf(x: number): number {
  let term = x;
  let total = x;
  for (let n = 1; n < 100; n++) {
    term *= (-x * x) / n;
    total += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * total;
}

/** torch.nn.functional.interpolate, mode "nearest". */
export function naiveResize(x: Tensor, height: number, width: number): Tensor {
  const [batch, channels, h, w] = x.shape as [number, number, number, number];
  return filled([batch, channels, height, width], ([n, c, i, j]) =>
    at(x, n!, c!, Math.floor((i! * h) / height), Math.floor((j! * w) / width)),
  );
}

/** Sines then cosines of positions × 10000^(-i / (width/2 - shift)). */
export function naiveSinusoid(positions: Tensor, width: number, flip: boolean, shift: number): Tensor {
  const half = width / 2;
  return filled([positions.data.length, width], ([n, i]) => {
    const angle = at(positions, n!) * 10000 ** (-(i! % half) / (half - shift));
    return i! < half === flip ? Math.cos(angle) : Math.sin(angle);
  });
}
