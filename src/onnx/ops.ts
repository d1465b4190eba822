import type { Dtype } from "../tensor/dtype.ts";
import { elementCount } from "../tensor/tensor.ts";
import type { OpOptions, Value } from "./graph.ts";
import { broadcast, convolvedSize, productShape } from "./shapes.ts";

/** One function per operator: values in, value out, with the shape inferred on the way. */

const MICROSOFT = "com.microsoft";

function elementwise(op: string, x: Value, options: OpOptions = {}): Value {
  return x.builder.node(op, [x], x, options);
}

function binary(op: string, a: Value, b: Value): Value {
  if (a.dtype !== b.dtype) throw new TypeError(`Cannot apply ${op} to ${a.dtype} and ${b.dtype}`);
  return a.builder.node(op, [a, b], { dtype: a.dtype, shape: broadcast(a.shape, b.shape) });
}

export const add = (a: Value, b: Value): Value => binary("Add", a, b);
export const subtract = (a: Value, b: Value): Value => binary("Sub", a, b);
export const multiply = (a: Value, b: Value): Value => binary("Mul", a, b);
export const divide = (a: Value, b: Value): Value => binary("Div", a, b);
export const sigmoid = (x: Value): Value => elementwise("Sigmoid", x);
export const identity = (x: Value): Value => elementwise("Identity", x);
export const tanh = (x: Value): Value => elementwise("Tanh", x);
export const relu = (x: Value): Value => elementwise("Relu", x);
export const sin = (x: Value): Value => elementwise("Sin", x);
export const exp = (x: Value): Value => elementwise("Exp", x);
export const cos = (x: Value): Value => elementwise("Cos", x);
export const softmax = (x: Value): Value => elementwise("Softmax", x, { attributes: { axis: -1 } });

/** x·sigmoid(alpha·x); SiLU for alpha 1, CLIP's quick_gelu for 1.702. */
export const quickGelu = (x: Value, alpha: number): Value =>
  elementwise("QuickGelu", x, { domain: MICROSOFT, attributes: { alpha: { float: alpha } } });

/** The exact GELU, with erf. */
export const gelu = (x: Value): Value => elementwise("Gelu", x, { domain: MICROSOFT });

/** A float32 scalar. */
export const scalar = (like: Value, value: number): Value => like.builder.constant(Float32Array.of(value), []);

export const scale = (x: Value, factor: number): Value => (factor === 1 ? x : multiply(x, scalar(x, factor)));

/** Every element of x moved into [low, high]. */
export const clip = (x: Value, low: number, high: number): Value =>
  x.builder.node("Clip", [x, scalar(x, low), scalar(x, high)], x);

/** Whole numbers. */
export const integers = (like: Value, values: readonly number[], shape: readonly number[] = [values.length]): Value =>
  like.builder.constant(BigInt64Array.from(values, BigInt), shape);

/** Reads the same elements under another shape. */
export function reshape(x: Value, shape: readonly number[]): Value {
  if (elementCount(shape) !== elementCount(x.shape)) throw new RangeError(`Cannot reshape [${x.shape}] to [${shape}]`);
  return x.builder.node("Reshape", [x, integers(x, shape)], { dtype: x.dtype, shape });
}

/** Repeats x along axes of size 1. */
export const expand = (x: Value, shape: readonly number[]): Value =>
  x.builder.node("Expand", [x, integers(x, shape)], { dtype: x.dtype, shape: broadcast(x.shape, shape) });

/** Length of the vectors along an axis, the last one unless told otherwise, which stays with size 1. */
export function vectorLength(x: Value, axis = x.shape.length - 1): Value {
  const output = { dtype: x.dtype, shape: x.shape.with(axis, 1) };
  return x.builder.node("ReduceL2", [x, integers(x, [axis])], output, { attributes: { keepdims: 1 } });
}

export function transpose(x: Value, perm: readonly number[]): Value {
  const shape = perm.map((axis) => sizeOf(x, axis));
  return x.builder.node("Transpose", [x], { dtype: x.dtype, shape }, { attributes: { perm } });
}

export function cast(x: Value, dtype: Dtype, onnxType: number): Value {
  return x.builder.node("Cast", [x], { dtype, shape: x.shape }, { attributes: { to: onnxType } });
}

export function concat(values: readonly [Value, ...Value[]], axis: number): Value {
  const [first] = values;
  const shape = first.shape.map((size, i) =>
    i === axis ? values.reduce((sum, value) => sum + sizeOf(value, axis), 0) : size,
  );
  for (const value of values) {
    if (value.shape.length !== shape.length || value.shape.some((size, i) => i !== axis && size !== shape[i])) {
      throw new RangeError(`Cannot concatenate [${value.shape}] to [${first.shape}] along axis ${axis}`);
    }
  }
  return first.builder.node("Concat", values, { dtype: first.dtype, shape }, { attributes: { axis } });
}

/** Elements `start` (included) to `end` (excluded) along `axis`. */
export function slice(x: Value, axis: number, start: number, end: number): Value {
  if (!(start >= 0 && start <= end && end <= sizeOf(x, axis))) {
    throw new RangeError(`Cannot slice [${x.shape}] from ${start} to ${end} along axis ${axis}`);
  }
  const shape = x.shape.map((size, i) => (i === axis ? end - start : size));
  const at = (value: number): Value => integers(x, [value]);
  return x.builder.node("Slice", [x, at(start), at(end), at(axis)], { dtype: x.dtype, shape });
}

/** Rows of `table` [rows, width] picked by integer `ids`. */
export function gather(table: Value, ids: Value): Value {
  const shape = [...ids.shape, ...table.shape.slice(1)];
  return table.builder.node("Gather", [table, ids], { dtype: table.dtype, shape }, { attributes: { axis: 0 } });
}

/** Whether elements of a and b are the same, as BOOL. */
export const equal = (a: Value, b: Value): Value =>
  a.builder.node("Equal", [a, b], { dtype: "BOOL", shape: broadcast(a.shape, b.shape) });

/** Position of the largest element along the last axis, the first of equal ones. */
export const argMax = (x: Value): Value =>
  x.builder.node(
    "ArgMax",
    [x],
    { dtype: "I64", shape: x.shape.slice(0, -1) },
    {
      attributes: { axis: -1, keepdims: 0, select_last_index: 0 },
    },
  );

export interface ConvAttributes {
  readonly stride?: number;
  /** [top, left, bottom, right] */
  readonly pads?: readonly [number, number, number, number];
}

/** Two-dimensional convolution of x [N, C, H, W] by weight [out, C, kh, kw]. */
export function conv(
  x: Value,
  weight: Value,
  bias: Value | undefined,
  { stride = 1, pads = [0, 0, 0, 0] }: ConvAttributes = {},
): Value {
  const [n, channels, h, w] = [0, 1, 2, 3].map((axis) => sizeOf(x, axis)) as [number, number, number, number];
  const [out, inner, kh, kw] = [0, 1, 2, 3].map((axis) => sizeOf(weight, axis)) as [number, number, number, number];
  if (inner !== channels) {
    throw new RangeError(`Cannot convolve ${channels} channels by "${weight.hint}" [${weight.shape}]`);
  }
  const [top, left, bottom, right] = pads;
  const shape = [n, out, convolvedSize(h, kh, stride, top, bottom), convolvedSize(w, kw, stride, left, right)];
  return x.builder.node(
    "Conv",
    bias === undefined ? [x, weight] : [x, weight, bias],
    { dtype: x.dtype, shape },
    {
      attributes: { kernel_shape: [kh, kw], strides: [stride, stride], pads, dilations: [1, 1], group: 1 },
    },
  );
}

export const matmul = (a: Value, b: Value): Value =>
  a.builder.node("MatMul", [a, b], { dtype: a.dtype, shape: productShape(a.shape, b.shape, false) });

/** x · weightᵀ for weight [out, in], as PyTorch stores linear layers. */
export const matmulTransposed = (x: Value, weight: Value): Value =>
  x.builder.node(
    "FusedMatMul",
    [x, weight],
    { dtype: x.dtype, shape: productShape(x.shape, weight.shape, true) },
    { domain: MICROSOFT, attributes: { transA: 0, transB: 1, alpha: { float: 1 } } },
  );

/** alpha · a·b + c, for matrices. */
export const gemm = (a: Value, b: Value, c: Value, alpha: number): Value =>
  a.builder.node(
    "Gemm",
    [a, b, c],
    { dtype: a.dtype, shape: productShape(a.shape, b.shape, false) },
    { attributes: { alpha: { float: alpha } } },
  );

/** Normalises every [n, c] plane of x [N, C, …] to mean 0 and variance 1, then scales and shifts per c. */
export const instanceNormalization = (x: Value, gamma: Value, beta: Value, epsilon: number): Value =>
  x.builder.node("InstanceNormalization", [x, gamma, beta], x, { attributes: { epsilon: { float: epsilon } } });

export const layerNormalization = (x: Value, gamma: Value, beta: Value, epsilon: number): Value =>
  x.builder.node("LayerNormalization", [x, gamma, beta], x, {
    attributes: { axis: -1, epsilon: { float: epsilon } },
  });

/** softmax(QKᵀ/√d + bias)·V per head; query [B, S, h·d], key and value [B, L, h·d], bias broadcast to [B, h, S, L]. */
export function multiHeadAttention(query: Value, key: Value, value: Value, heads: number, bias?: Value): Value {
  const inputs = bias === undefined ? [query, key, value] : [query, key, value, undefined, undefined, bias];
  return query.builder.node("MultiHeadAttention", inputs, query, {
    domain: MICROSOFT,
    attributes: { num_heads: heads },
  });
}

/** Scale, offset and running statistics of one value per channel each. */
export interface BatchStatistics {
  readonly gamma: Value;
  readonly beta: Value;
  readonly mean: Value;
  readonly variance: Value;
}

export const batchNormalization = (
  x: Value,
  { gamma, beta, mean, variance }: BatchStatistics,
  epsilon: number,
): Value =>
  x.builder.node("BatchNormalization", [x, gamma, beta, mean, variance], x, {
    attributes: { epsilon: { float: epsilon } },
  });

export interface PoolAttributes {
  readonly kernel: number;
  readonly stride: number;
  readonly padding?: number;
  /** Whether a window that is only partly there, at the right and the bottom, counts. */
  readonly roundUp?: boolean;
}

/** Largest value of every window of x [N, C, H, W]. */
export const maxPool = (x: Value, attributes: PoolAttributes): Value => pool("MaxPool", x, attributes);

/** Mean of every window of x [N, C, H, W], padding left out of it. */
export const averagePool = (x: Value, attributes: PoolAttributes): Value => pool("AveragePool", x, attributes);

function pool(op: string, x: Value, { kernel, stride, padding = 0, roundUp = false }: PoolAttributes): Value {
  const end = (axis: number): number => {
    const beyond = kernel - sizeOf(x, axis) - 2 * padding; // of the first window; below 0 where others follow
    const over = beyond > 0 ? beyond : (stride - (-beyond % stride)) % stride;
    return roundUp ? padding + over : padding;
  };
  const side = (axis: number): number => convolvedSize(sizeOf(x, axis), kernel, stride, padding, end(axis));
  const shape = [sizeOf(x, 0), sizeOf(x, 1), side(2), side(3)];
  const pads = [padding, padding, end(2), end(3)];
  return x.builder.node(
    op,
    [x],
    { dtype: x.dtype, shape },
    { attributes: { kernel_shape: [kernel, kernel], strides: [stride, stride], pads } },
  );
}

/** Mean of every plane of x [N, C, H, W], as [N, C]. */
export function planeMeans(x: Value): Value {
  const shape = [sizeOf(x, 0), sizeOf(x, 1)];
  return reshape(x.builder.node("GlobalAveragePool", [x], { dtype: x.dtype, shape: [...shape, 1, 1] }), shape);
}

/** Where the pixels of an enlarged picture lie in the original: at their centres, or at their upper left corners. */
export type PixelPlaces = "half_pixel" | "asymmetric";

/** x [N, C, H, W] in another size, linear between neighbours, without antialiasing. */
export function resizeLinear(x: Value, height: number, width: number, places: PixelPlaces): Value {
  const shape = [sizeOf(x, 0), sizeOf(x, 1), height, width];
  return x.builder.node(
    "Resize",
    [x, undefined, undefined, integers(x, shape)],
    { dtype: x.dtype, shape },
    { attributes: { mode: "linear", coordinate_transformation_mode: places } },
  );
}

/** Nearest-neighbour enlargement of x [N, C, H, W] to height × width, as torch.nn.functional.interpolate has it. */
export function resizeNearest(x: Value, height: number, width: number): Value {
  const shape = [sizeOf(x, 0), sizeOf(x, 1), height, width];
  return x.builder.node(
    "Resize",
    [x, undefined, undefined, integers(x, shape)],
    { dtype: x.dtype, shape },
    {
      attributes: { mode: "nearest", coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" },
    },
  );
}

/** Size of `value` along `axis`, or a RangeError. */
export function sizeOf(value: Value, axis: number): number {
  const size = value.shape.at(axis);
  if (size === undefined) throw new RangeError(`Value "${value.hint}" [${value.shape}] has no axis ${axis}`);
  return size;
}
