import { elementCount, type Tensor } from "./tensor.ts";

/** One new element along an axis: where its neighbours are, and how much each counts. */
interface Tap {
  readonly indices: readonly number[];
  readonly weights: readonly number[];
}

const clamped = (index: number, length: number): number => Math.min(Math.max(index, 0), length - 1);

/** Where the middle of new element `i` lies among `length` old ones. */
const middle = (i: number, length: number, size: number): number => ((i + 0.5) * length) / size - 0.5;

/** Keys' kernel with a = -3/4, as torch has it. */
const A = -0.75;
const near = (x: number): number => ((A + 2) * x - (A + 3)) * x * x + 1;
const far = (x: number): number => ((A * x - 5 * A) * x + 8 * A) * x - 4 * A;

const MODES = {
  nearest: (i, length, size) => single(Math.floor((i * length) / size), length),
  "nearest-exact": (i, length, size) => single(Math.floor(((i + 0.5) * length) / size), length),
  bilinear(i, length, size) {
    const at = Math.max(middle(i, length, size), 0);
    const share = at - Math.floor(at);
    const indices = [Math.floor(at), Math.floor(at) + 1].map((index) => clamped(index, length));
    return { indices, weights: [1 - share, share] };
  },
  bicubic(i, length, size) {
    const at = middle(i, length, size);
    const share = at - Math.floor(at);
    const indices = [-1, 0, 1, 2].map((offset) => clamped(Math.floor(at) + offset, length));
    return { indices, weights: [far(share + 1), near(share), near(1 - share), far(2 - share)] };
  },
} as const satisfies Readonly<Record<string, (i: number, length: number, size: number) => Tap>>;

const single = (index: number, length: number): Tap => ({ indices: [clamped(index, length)], weights: [1] });

/** How an element is made of its neighbours. */
export type InterpolationMode = keyof typeof MODES;

/** The last two axes of `input` in another size, as torch's `interpolate` makes them without antialiasing. */
export function interpolate({ data, shape }: Tensor, height: number, width: number, mode: InterpolationMode): Tensor {
  const [rows = 1, columns = 1] = shape.slice(-2);
  const planes = elementCount(shape.slice(0, -2));
  const tapsOf = (length: number, size: number): Tap[] =>
    Array.from({ length: size }, (_, i) => MODES[mode](i, length, size));
  const [down, across] = [tapsOf(rows, height), tapsOf(columns, width)];
  const result = new Float32Array(planes * height * width);
  let written = 0;
  for (let plane = 0; plane < planes; plane++) {
    const begin = plane * rows * columns;
    for (const row of down) {
      for (const column of across) result[written++] = weighed(data, begin, columns, row, column);
    }
  }
  return { data: result, shape: [...shape.slice(0, -2), height, width] };
}

function weighed(data: Float32Array, begin: number, columns: number, row: Tap, column: Tap): number {
  let sum = 0;
  for (let i = 0; i < row.indices.length; i++) {
    for (let j = 0; j < column.indices.length; j++) {
      const value = data[begin + row.indices[i]! * columns + column.indices[j]!]!;
      sum += row.weights[i]! * column.weights[j]! * value;
    }
  }
  return sum;
}
