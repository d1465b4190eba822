import { DTYPES, type Dtype } from "../../tensor/dtype.ts";
import { elementCount } from "../../tensor/tensor.ts";
import type { Attribute, Graph, GraphNode, Initializer, Value } from "../graph.ts";
import { sizeOf } from "../ops.ts";

/** Whether a value depends on weights alone. */
export type IsConstant = (value: Value) => boolean;

/** Whole numbers by whole numbers, scaled back, with a bias. */
const PRODUCT = "MatMulIntegerToFloat";
/** The largest whole number that a weight becomes, as far below 0 as above: all there are, or such that two products fit into sixteen bits. */
export const INT8_RANGES = { whole: 127, safe: 63 } as const;
/** Stands in for the largest weight of an output whose weights are all 0. */
const LEAST_RANGE = 1e-30;

/** Whether `node` is a linear layer over a weight [out, in] as PyTorch stores it, in one of the forms that graphs have. */
export function isLinear({ op, attributes, inputs: [x, weight] }: GraphNode, isConstant: IsConstant): boolean {
  const { transA = 0, transB = 0, alpha, beta, transBatchA = 0, transBatchB = 0 } = attributes;
  const isPlain = [transA, transBatchA, transBatchB].every((flag) => flag === 0) && [alpha, beta].every(isOne);
  return (
    (op === "FusedMatMul" || op === "Gemm") &&
    isPlain &&
    transB === 1 &&
    x?.dtype === "F32" &&
    weight?.shape.length === 2 &&
    isConstant(weight)
  );
}

const isOne = (factor: Attribute | undefined): boolean =>
  factor === undefined || (typeof factor === "object" && "float" in factor && factor.float === 1);

/** Whether `node` is a convolution of a weight that can be computed as a product of what every position sees. */
export function isPlainConv({ op, attributes, inputs: [x, weight] }: GraphNode, isConstant: IsConstant): boolean {
  const { group, dilations } = attributes;
  return (
    op === "Conv" &&
    group === 1 &&
    `${dilations}` === "1,1" &&
    x?.dtype === "F32" &&
    weight !== undefined &&
    isConstant(weight)
  );
}

/**
 * `graph` with the `chosen` linear layers and convolutions as products of whole numbers of eight bits: weights are scaled
 * output by output, what they are multiplied with by its own range, anew at every run; sums are exact.
 */
export function withInt8(graph: Graph, chosen: ReadonlySet<GraphNode>, range: number = INT8_RANGES.whole): Graph {
  const initializers = new Map(graph.initializers);
  const { nodes, layers } = writer(initializers, range);
  const sums = biasedSums(graph, chosen);
  const delayed = new Set(sums.values());
  for (const node of graph.nodes) {
    const product = sums.get(node);
    if (product !== undefined) layers.linear(product, node);
    else if (!chosen.has(node)) nodes.push(node);
    else if (node.op === "Conv") layers.convolution(node);
    else if (!delayed.has(node)) layers.linear(node);
  }
  return { ...graph, nodes, initializers };
}

/** The weights of the layers that `withInt8()` made, with their scales. */
export const int8Weights = ({ nodes }: Graph): readonly { readonly values: Value; readonly scale: Value }[] =>
  nodes.flatMap(({ op, inputs: [, values, , scale] }) =>
    op === PRODUCT && values !== undefined && scale !== undefined ? [{ values, scale }] : [],
  );

/** Additions of a bias to one of the `chosen` products that nobody else reads, with that product. */
function biasedSums({ nodes, outputs }: Graph, chosen: ReadonlySet<GraphNode>): ReadonlyMap<GraphNode, GraphNode> {
  const products = new Map<Value, GraphNode>();
  for (const node of nodes) if (chosen.has(node) && node.op === "FusedMatMul") products.set(node.outputs[0]!, node);
  const readers = new Map<Value, number>([...outputs.values()].map((value) => [value, 1]));
  for (const input of nodes.flatMap(({ inputs }) => inputs)) {
    if (input !== undefined && products.has(input)) readers.set(input, (readers.get(input) ?? 0) + 1);
  }
  const found = new Map<GraphNode, GraphNode>();
  for (const node of nodes) {
    const [value, bias] = node.inputs;
    const product = node.op === "Add" && value !== undefined ? products.get(value) : undefined;
    if (product === undefined || value === undefined || bias === undefined) continue;
    if (readers.get(value) === 1 && bias.shape.join() === `${sizeOf(value, -1)}`) found.set(node, product);
  }
  return found;
}

/** A value scaled to whole numbers, with what that takes back. */
interface Scaled {
  readonly values: Value;
  readonly scale: Value;
  readonly zero: Value | undefined;
}

/** Windows over a picture: their size, how many there are, and how far they lie apart. */
interface Windows {
  readonly kernel: readonly [number, number];
  readonly size: readonly [number, number];
  readonly steps: readonly [number, number];
}

interface Made {
  readonly dtype?: Dtype;
  readonly domain?: string;
  readonly attributes?: Readonly<Record<string, Attribute>>;
  readonly referenceMacs?: number;
}

function writer(initializers: Map<Value, Initializer>, largest: number) {
  const nodes: GraphNode[] = [];
  const known = new Map<string, Value>();
  const scaled = new Map<Value, Scaled>();
  const inRows = new Map<Value, Value>();

  const emit = (op: string, inputs: readonly (Value | undefined)[], to: Value, made: Made = {}): Value => {
    const { domain = "", attributes = {}, referenceMacs = 0 } = made;
    nodes.push({ op, domain, attributes, inputs, outputs: [to], referenceMacs });
    return to;
  };
  const like = (value: Value, shape: readonly number[], hint: string, dtype: Dtype = value.dtype): Value => ({
    ...value,
    dtype,
    shape,
    hint,
  });
  const constant = (value: Value, data: Float32Array | BigInt64Array | Int32Array, shape: readonly number[]): Value => {
    const key = `${data.constructor.name}[${shape}]:${data}`;
    const dtype = data instanceof Float32Array ? "F32" : data instanceof Int32Array ? "I32" : "I64";
    const made = known.get(key) ?? like(value, shape, "constant", dtype);
    known.set(key, made);
    initializers.set(made, { kind: "constant", data });
    return made;
  };
  const integers = (value: Value, values: readonly number[]): Value =>
    constant(value, BigInt64Array.from(values, BigInt), [values.length]);
  const number = (value: Value, data: number): Value => constant(value, Float32Array.of(data), []);
  const reshape = (value: Value, shape: readonly number[], hint = "Reshape"): Value =>
    value.shape.join() === shape.join()
      ? value
      : emit("Reshape", [value, integers(value, shape)], like(value, shape, hint));
  const transpose = (value: Value, perm: readonly number[], to?: Value, referenceMacs = 0): Value => {
    const turned = like(
      value,
      perm.map((axis) => sizeOf(value, axis)),
      "Transpose",
    );
    return emit("Transpose", [value], to ?? turned, { attributes: { perm }, referenceMacs });
  };

  /** A matrix [out, in] as [in, out], every output in its own scale. */
  const scaledWeight = (matrix: Value): Scaled => {
    const [rows, columns] = [sizeOf(matrix, 0), sizeOf(matrix, 1)];
    const sizes = emit("Abs", [matrix], like(matrix, matrix.shape, "Abs"));
    const farthest = emit("ReduceMax", [sizes, integers(matrix, [1])], like(matrix, [rows, 1], "ReduceMax"), {
      attributes: { keepdims: 1 },
    });
    const range = emit("Max", [farthest, number(matrix, LEAST_RANGE)], like(matrix, [rows, 1], "Max"));
    const scale = emit("Div", [range, number(matrix, largest)], like(matrix, [rows, 1], "Div"));
    const exact = emit("Div", [matrix, scale], like(matrix, matrix.shape, "Div"));
    const whole = emit("Round", [exact], like(matrix, matrix.shape, "Round"));
    const narrow = emit("Cast", [whole], like(matrix, matrix.shape, "Cast", "I8"), {
      attributes: { to: DTYPES.I8.onnxType },
    });
    const values = emit("Transpose", [narrow], like(narrow, [columns, rows], "int8_weight"), {
      attributes: { perm: [1, 0] },
    });
    return { values, scale: reshape(scale, [rows], "int8_scale"), zero: undefined };
  };
  /** `x` scaled to 0 … 255 by its own range; layers that see the same share it. */
  const scaledInput = (x: Value): Scaled => {
    const found = scaled.get(x);
    if (found !== undefined) return found;
    const values = like(x, x.shape, "int8_input", "U8");
    const scale = like(x, [], "input_scale");
    const zero = like(x, [], "input_zero", "U8");
    const outputs = [values, scale, zero];
    nodes.push({ op: "DynamicQuantizeLinear", domain: "", attributes: {}, inputs: [x], outputs, referenceMacs: 0 });
    scaled.set(x, { values, scale, zero });
    return { values, scale, zero };
  };
  const product = (x: Scaled, weight: Scaled, bias: Value | undefined, to: Value, referenceMacs = 0): Value =>
    emit(PRODUCT, [x.values, weight.values, x.scale, weight.scale, x.zero, undefined, bias], to, {
      domain: "com.microsoft",
      referenceMacs,
    });

  /** A linear layer; `sum` adds its bias where that is a node of its own. */
  const linear = (node: GraphNode, sum?: GraphNode): void => {
    const [x, weight, own] = node.inputs as readonly [Value, Value, Value | undefined];
    const bias = sum?.inputs[1] ?? own;
    const { outputs, referenceMacs } = sum ?? node;
    product(scaledInput(x), scaledWeight(weight), bias, outputs[0]!, Math.max(node.referenceMacs, referenceMacs));
  };

  /** A convolution: what every position sees lies in a row, channel by channel. */
  const convolution = ({ inputs, outputs, attributes, referenceMacs }: GraphNode): void => {
    const [x, weight, bias] = inputs as readonly [Value, Value, Value | undefined];
    const result = outputs[0]!;
    const [batch, outer, height, width] = result.shape as [number, number, number, number];
    const { strides, pads } = attributes as Readonly<Record<string, readonly number[]>>;
    const kernel = weight.shape.slice(2) as [number, number];
    const [across, down] = [strides?.[1] ?? 1, strides?.[0] ?? 1];
    const input = scaledInput(x);
    const seen = padded(rowsOf(input.values), pads ?? [0, 0, 0, 0], input.zero);
    const columns = elementCount(weight.shape.slice(1));
    const all = unfolded(seen, { kernel, size: [height, width], steps: [down, across] });
    const matrix = reshape(transpose(weight, [0, 2, 3, 1]), [outer, columns]);
    const rows = like(result, [batch, height * width, outer], "int8_rows");
    product({ ...input, values: all }, scaledWeight(matrix), bias, rows);
    const planes = transpose(rows, [0, 2, 1]);
    emit("Reshape", [planes, integers(result, result.shape)], result, { referenceMacs });
  };
  const rowsOf = (values: Value): Value => {
    const found = inRows.get(values) ?? transpose(values, [0, 2, 3, 1]);
    inRows.set(values, found);
    return found;
  };
  const padded = (
    rows: Value,
    [top = 0, left = 0, bottom = 0, right = 0]: readonly number[],
    zero: Value | undefined,
  ): Value => {
    if (top + left + bottom + right === 0) return rows;
    const shape = [sizeOf(rows, 0), sizeOf(rows, 1) + top + bottom, sizeOf(rows, 2) + left + right, sizeOf(rows, 3)];
    const pads = integers(rows, [0, top, left, 0, 0, bottom, right, 0]);
    return emit("Pad", [rows, pads, zero], like(rows, shape, "Pad"), { attributes: { mode: "constant" } });
  };
  /** What every position sees, pixel by pixel and channel by channel. */
  const unfolded = (rows: Value, { kernel, size, steps }: Windows): Value => {
    const [batch, height, width, channels] = rows.shape as [number, number, number, number];
    const [tall, wide] = kernel;
    const shape = [batch, size[0] * size[1], tall * wide * channels];
    if (tall * wide === 1 && `${size}` === `${[height, width]}`) return reshape(rows, shape);
    const indices: number[] = [];
    for (let y = 0; y < size[0]; y++)
      for (let x = 0; x < size[1]; x++)
        for (let i = 0; i < tall; i++)
          for (let j = 0; j < wide; j++) indices.push((y * steps[0] + i) * width + x * steps[1] + j);
    const flat = reshape(rows, [batch, height * width, channels]);
    const picked = constant(rows, Int32Array.from(indices), [indices.length]);
    const pixels = emit("Gather", [flat, picked], like(rows, [batch, indices.length, channels], "Gather"), {
      attributes: { axis: 1 },
    });
    return reshape(pixels, shape, "windows");
  };
  return { nodes, layers: { linear, convolution } };
}
