import type { Attribute, Graph, GraphNode, Initializer, Value } from "./graph.ts";
import { sizeOf } from "./ops.ts";

/** A convolution as Winograd's algorithm takes it apart. */
export interface WinogradForm {
  /** Tiles of 4×4 results in a row of tiles, and rows of tiles. */
  readonly across: number;
  readonly down: number;
  /** Rows of tiles that are computed together; the transformed tiles of so many are in memory at a time. */
  readonly rows: number;
}

/** Results of a tile in each direction. */
const TILE = 4;

/** What turns a tile of the input, a kernel, and their product into a tile of results, each in one direction. */
interface Transforms {
  readonly input: readonly (readonly number[])[];
  readonly kernel: readonly (readonly number[])[];
  readonly output: readonly (readonly number[])[];
}

/**
 * Y = Aᵀ [(G w Gᵀ) ⊙ (Bᵀ x B)] A by the size of the kernel. F(4×4, 3×3) at the points 0, ±1, ±2, ∞ (Lavin & Gray 2016, §5.1) takes
 * 36 multiplications for 16 results, where a direct convolution takes 144; F(4×4, 2×2) at 0, ±1, 2, ∞ takes 25 for 64.
 */
const TRANSFORMS: ReadonlyMap<number, Transforms> = new Map([
  [
    3,
    {
      input: [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
      ],
      kernel: [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
      ],
      output: [
        [1, 1, 1, 1, 1, 0],
        [0, 1, -1, 2, -2, 0],
        [0, 1, 1, 4, 4, 0],
        [0, 1, -1, 8, -8, 1],
      ],
    },
  ],
  [
    2,
    {
      input: [
        [2, -1, -2, 1, 0],
        [0, -2, -1, 1, 0],
        [0, 2, -3, 1, 0],
        [0, -1, 0, 1, 0],
        [0, 2, -1, -2, 1],
      ],
      kernel: [
        [1 / 2, 0],
        [-1 / 2, -1 / 2],
        [-1 / 6, 1 / 6],
        [1 / 6, 1 / 3],
        [0, 1],
      ],
      output: [
        [1, 1, 1, 1, 0],
        [0, 1, -1, 2, 0],
        [0, 1, 1, 4, 0],
        [0, 1, -1, 8, 1],
      ],
    },
  ],
]);

/** Numbers of a transformed tile, and of a transformed kernel of `taps` × `taps`. */
export const pointsOf = (taps: number): number => (TILE + taps - 1) ** 2;

/** What is computed in two directions one after the other, as one matrix: the Kronecker product with itself. */
const inBoth = (rows: readonly (readonly number[])[]): Float32Array =>
  Float32Array.from(rows.flatMap((a) => rows.flatMap((b) => a.flatMap((x) => b.map((y) => x * y)))));

/** Whether Winograd's algorithm computes `node`: a 3×3 or 2×2 convolution with stride 1 that keeps the size, of a weight. */
export function isWinogradConv(node: GraphNode, isConstant: (value: Value) => boolean): boolean {
  const { kernel_shape: kernel, strides, dilations, group } = node.attributes;
  const [x, weight] = node.inputs;
  return (
    node.op === "Conv" &&
    ["3,3", "2,2"].includes(`${kernel}`) &&
    [strides, dilations].join(";") === "1,1;1,1" &&
    x?.shape.slice(2).join() === node.outputs[0]?.shape.slice(2).join() &&
    group === 1 &&
    x?.dtype === "F32" &&
    weight !== undefined &&
    isConstant(weight)
  );
}

/** `graph` with those convolutions for which `formOf` gives a form computed by Winograd's algorithm. */
export function withWinograd(graph: Graph, formOf: (node: GraphNode) => WinogradForm | undefined): Graph {
  const initializers = new Map(graph.initializers);
  const shared = sharedConstants(initializers);
  const nodes = graph.nodes.flatMap((node) => {
    const form = formOf(node);
    return form === undefined ? [node] : takenApart(node, form, shared);
  });
  return { ...graph, nodes, initializers };
}

type Shared = ReturnType<typeof sharedConstants>;

function transformsOf(taps: number): Transforms {
  const found = TRANSFORMS.get(taps);
  if (found === undefined) throw new RangeError(`Cannot transform a kernel of ${taps}×${taps}: 2×2 or 3×3 is required`);
  return found;
}

/** Constants that several convolutions need. */
function sharedConstants(initializers: Map<Value, Initializer>) {
  const known = new Map<string, Value>();
  const constant = (key: string, like: Value, shape: readonly number[], data: () => Float32Array | BigInt64Array) => {
    const found = known.get(key);
    if (found !== undefined) return found;
    const values = data();
    const value: Value = { ...like, dtype: values instanceof Float32Array ? "F32" : "I64", shape, hint: "constant" };
    initializers.set(value, { kind: "constant", data: values });
    known.set(key, value);
    return value;
  };
  return {
    integers: (like: Value, values: readonly number[]): Value =>
      constant(`${values}`, like, [values.length], () => BigInt64Array.from(values, BigInt)),
    kernel: (like: Value, taps: number): Value =>
      constant(`kernel ${taps}`, like, [pointsOf(taps), taps * taps], () => inBoth(transformsOf(taps).kernel)),
    output: (like: Value, taps: number): Value =>
      constant(`output ${taps}`, like, [TILE * TILE, pointsOf(taps)], () => inBoth(transformsOf(taps).output)),
    input: (like: Value, taps: number): Value =>
      constant(`input ${taps}`, like, [1, pointsOf(taps), TILE + taps - 1, TILE + taps - 1], () =>
        inBoth(transformsOf(taps).input),
      ),
    /** Values that convolutions share beyond constants. */
    known,
  };
}

function takenApart(node: GraphNode, { across, down, rows }: WinogradForm, shared: Shared): GraphNode[] {
  const [x, weight, bias] = node.inputs as readonly [Value, Value, Value | undefined];
  const result = node.outputs[0]!;
  const [batch, inner, height, width] = [0, 1, 2, 3].map((axis) => sizeOf(x, axis)) as [number, number, number, number];
  const [outer, taps] = [sizeOf(weight, 0), sizeOf(weight, 2)];
  const [seenBy, points] = [TILE + taps - 1, pointsOf(taps)];
  const [above = 0, left = 0] = node.attributes["pads"] as readonly number[];
  const nodes: GraphNode[] = [];
  const like = (shape: readonly number[], hint: string): Value => ({ ...result, shape, hint });
  const emit = (op: string, inputs: readonly Value[], to: Value, { domain = "", attributes = {} }: Options = {}) => {
    nodes.push({ op, domain, attributes, inputs, outputs: [to], referenceMacs: 0 });
    return to;
  };
  const reshape = (value: Value, shape: readonly number[], hint = "Reshape"): Value =>
    emit("Reshape", [value, shared.integers(result, shape)], like(shape, hint));
  const expand = (value: Value, shape: readonly number[]): Value =>
    emit("Expand", [value, shared.integers(result, shape)], like(shape, "Expand"));
  const slice = (value: Value, axis: number, start: number, end: number): Value => {
    if (start === 0 && end === sizeOf(value, axis)) return value;
    const at = [start, end, axis].map((place) => shared.integers(result, [place]));
    return emit("Slice", [value, ...at], like(value.shape.with(axis, end - start), "Slice"));
  };

  /** What depends on constants alone; ONNX Runtime computes it on loading. */
  const transform = (key: string, make: () => Value): Value => {
    const found = shared.known.get(key) ?? make();
    shared.known.set(key, found);
    return found;
  };
  const tiled = transform(`tiled ${inner} ${taps}`, () =>
    reshape(
      expand(shared.input(result, taps), [inner, points, seenBy, seenBy]),
      [inner * points, 1, seenBy, seenBy],
      "winograd_input",
    ),
  );
  const flat = reshape(weight, [outer * inner, taps * taps]);
  const product = emit(
    "FusedMatMul",
    [shared.kernel(result, taps), flat],
    like([points, outer * inner], "FusedMatMul"),
    {
      domain: "com.microsoft",
      attributes: { transA: 0, transB: 1, alpha: { float: 1 } },
    },
  );
  const kernel = reshape(product, [points, outer, inner], "winograd_kernel");

  /** Rows of tiles from `first` to `end` of one sample. */
  const strip = (sample: Value, first: number, end: number): Value => {
    const [top, bottom] = [TILE * first - above, TILE * end - above + taps - 1];
    const seen = slice(sample, 2, Math.max(0, top), Math.min(height, bottom));
    const tiles = end - first;
    const positions = tiles * across;
    const right = TILE * across - left + taps - 1 - width;
    const pads = [Math.max(0, -top), left, Math.max(0, bottom - height), right];
    const transformed = emit("Conv", [seen, tiled], like([1, inner * points, tiles, across], "winograd_tiles"), {
      attributes: {
        kernel_shape: [seenBy, seenBy],
        strides: [TILE, TILE],
        pads,
        dilations: [1, 1],
        group: inner,
      },
    });
    const columns = reshape(transformed, [inner, points, positions]);
    const products = emit("FusedMatMul", [kernel, columns], like([points, outer, positions], "winograd_product"), {
      domain: "com.microsoft",
      attributes: { transA: 0, transB: 0, transBatchA: 0, transBatchB: 1, alpha: { float: 1 } },
    });
    const planes = reshape(products, [points, outer * positions]);
    const results = like([TILE * TILE, outer * positions], "winograd_results");
    const summed =
      bias === undefined
        ? emit("MatMul", [shared.output(result, taps), planes], results)
        : emit("Gemm", [shared.output(result, taps), planes, repeatedBias(bias, positions)], results);
    const deep = reshape(summed, [1, TILE * TILE * outer, tiles, across]);
    const shape = [1, outer, TILE * tiles, TILE * across];
    return emit("DepthToSpace", [deep], like(shape, "DepthToSpace"), { attributes: { blocksize: TILE, mode: "DCR" } });
  };
  const biases = new Map<number, Value>();
  const repeatedBias = (value: Value, positions: number): Value => {
    const found =
      biases.get(positions) ??
      reshape(expand(reshape(value, [outer, 1]), [outer, positions]), [1, outer * positions], "winograd_bias");
    biases.set(positions, found);
    return found;
  };
  const joined = (parts: readonly Value[], axis: number): Value => {
    const [first] = parts as readonly [Value];
    const size = parts.reduce((sum, part) => sum + sizeOf(part, axis), 0);
    return parts.length === 1
      ? first
      : emit("Concat", parts, like(first.shape.with(axis, size), "Concat"), { attributes: { axis } });
  };

  const samples = Array.from({ length: batch }, (_, i) => {
    const sample = slice(x, 0, i, i + 1);
    const strips: Value[] = [];
    for (let first = 0; first < down; first += rows) strips.push(strip(sample, first, Math.min(down, first + rows)));
    return slice(slice(joined(strips, 2), 2, 0, height), 3, 0, width);
  });
  joined(samples, 0);
  const last = nodes.at(-1)!;
  return [...nodes.slice(0, -1), { ...last, outputs: [result], referenceMacs: node.referenceMacs }];
}

interface Options {
  readonly domain?: string;
  readonly attributes?: Readonly<Record<string, Attribute>>;
}
