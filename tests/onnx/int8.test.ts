import { describe, expect, test } from "vitest";
import { type Graph, graphBuilder, type Value } from "../../src/onnx/graph.ts";
import { add, cast, conv, matmul, matmulTransposed, slice } from "../../src/onnx/ops.ts";
import { isLinear, isPlainConv, withInt8 } from "../../src/onnx/passes/int8.ts";
import { constantNodes } from "../../src/onnx/subgraph.ts";
import { DTYPES } from "../../src/tensor/dtype.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { torchGenerator } from "../../src/tensor/torch-generator.ts";
import { F32_LAYER } from "../support/assertions/tolerances.ts";
import { randomTensor } from "../support/random-tensor.ts";
import { runGraph } from "../support/runtimes/run-graph.ts";

const random = (count: number, seed: number): Float32Array => torchGenerator(seed).randn([count]).data;

/** The nearest even whole number, as the runtime rounds. */
const rounded = (x: number): number => {
  const down = Math.floor(x);
  return x - down === 0.5 ? down + (down % 2 === 0 ? 0 : 1) : Math.round(x);
};

/** What is left of `x` in 256 steps over its own range, which holds 0. */
function inSteps({ data, shape }: Tensor): Tensor {
  const [low, high] = [Math.min(0, ...data), Math.max(0, ...data)];
  const step = Math.fround(Math.fround(high - low) / 255);
  const zero = rounded(Math.fround(-low / step));
  const whole = (x: number): number => Math.min(255, Math.max(0, rounded(Math.fround(x / step)) + zero));
  return { data: data.map((x) => (whole(x) - zero) * step), shape };
}

/** What is left of a weight in 127 steps on either side of 0, row by row. */
function weightInSteps(data: Float32Array, rows: number): Float32Array {
  const length = data.length / rows;
  return data.map((x, i) => {
    const row = data.subarray(length * Math.floor(i / length), length * (Math.floor(i / length) + 1));
    const step = Math.fround(row.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 127);
    return step === 0 ? 0 : rounded(Math.fround(x / step)) * step;
  });
}

interface Layer {
  readonly shape: readonly number[];
  readonly weight: readonly number[];
  make(x: Value, weight: Value): Value;
}

const graphOf = ({ shape, weight, make }: Layer, data: Float32Array): Graph => {
  const builder = graphBuilder("layer");
  const x = builder.input("x", "F32", shape);
  return builder.finish({ y: make(x, builder.constant(data, weight)) });
};

const always = (): boolean => true;
const layersOf = ({ nodes }: Graph) =>
  new Set(nodes.filter((node) => isLinear(node, always) || isPlainConv(node, always)));
const narrow = (graph: Graph): Graph => withInt8(graph, layersOf(graph));
const ops = ({ nodes }: Graph): string[] => nodes.map(({ op }) => op);

const biased = (y: Value, axis = -1): Value =>
  add(y, y.builder.constant(random(y.shape.at(axis)!, 9), [y.shape.at(axis)!]));
const bias = (x: Value, count: number): Value => x.builder.constant(random(count, 9), [count]);

describe("withInt8()", () => {
  test.each<[string, Layer]>([
    ["a linear layer", { shape: [2, 9, 16], weight: [12, 16], make: matmulTransposed }],
    ["one with a bias", { shape: [2, 9, 16], weight: [12, 16], make: (x, w) => biased(matmulTransposed(x, w)) }],
    [
      "one as Gemm",
      {
        shape: [9, 16],
        weight: [12, 16],
        make: (x, w) =>
          x.builder.node("Gemm", [x, w, bias(x, 12)], { dtype: "F32", shape: [9, 12] }, { attributes: { transB: 1 } }),
      },
    ],
    [
      "a convolution",
      { shape: [1, 5, 8, 6], weight: [7, 5, 3, 3], make: (x, w) => conv(x, w, bias(x, 7), { pads: [1, 1, 1, 1] }) },
    ],
    ["one of single pixels", { shape: [2, 5, 4, 3], weight: [7, 5, 1, 1], make: (x, w) => conv(x, w, undefined) }],
    [
      "one that halves the size of several samples",
      {
        shape: [3, 4, 8, 10],
        weight: [6, 4, 3, 3],
        make: (x, w) => conv(x, w, bias(x, 6), { stride: 2, pads: [0, 1, 1, 0] }),
      },
    ],
    [
      "one with a kernel of its own",
      { shape: [1, 4, 6, 9], weight: [6, 4, 2, 4], make: (x, w) => conv(x, w, undefined, { pads: [1, 0, 0, 2] }) },
    ],
  ])("computes in whole numbers: %s", async (_, layer) => {
    const weight = random(
      layer.weight.reduce((a, b) => a * b),
      1,
    ).map((value, i) => (i === 0 ? value : value / 3));
    const x = randomTensor(layer.shape, 3);
    const apart = narrow(graphOf(layer, weight));
    expect(ops(apart)).toContain("MatMulIntegerToFloat");
    expect(ops(apart).filter((op) => op === "Conv" || op === "Gemm" || op === "FusedMatMul")).toEqual([]);
    const [actual, expected] = [
      await runGraph(apart, { x }),
      await runGraph(graphOf(layer, weightInSteps(weight, layer.weight[0]!)), { x: inSteps(x) }),
    ];
    expect(actual["y"]?.shape).toEqual(expected["y"]?.shape);
    expect(actual["y"]).toBeCloseTensor(expected["y"]!, F32_LAYER);
  });

  test("scales once what several layers see", () => {
    const builder = graphBuilder("three");
    const x = builder.input("x", "F32", [1, 4, 8]);
    const [a, b] = [1, 2].map((seed) => matmulTransposed(x, builder.constant(random(64, seed), [8, 8])));
    const apart = narrow(builder.finish({ y: add(a!, b!) }));
    expect(ops(apart).filter((op) => op === "DynamicQuantizeLinear")).toHaveLength(1);
  });

  test("adds in the layer what is added to it alone, and is a bias", () => {
    const builder = graphBuilder("sums");
    const x = builder.input("x", "F32", [1, 8, 8]);
    const product = (seed: number): Value => matmulTransposed(x, builder.constant(random(64, seed), [8, 8]));
    const shared = product(1);
    const sums = { bias: biased(product(2)), other: add(product(3), x), twice: biased(shared), shared };
    expect(ops(narrow(builder.finish(sums))).filter((op) => op === "Add")).toHaveLength(2);
  });

  test("keeps weights within the range that is given", async () => {
    const layer: Layer = { shape: [3, 8], weight: [4, 8], make: matmulTransposed };
    const graph = graphOf(layer, random(32, 1));
    const { nodes, initializers } = withInt8(graph, layersOf(graph), 63);
    const scale = nodes.find(({ op }) => op === "Div")?.inputs[1];
    expect(initializers.get(scale!)).toEqual({ kind: "constant", data: Float32Array.of(63) });
    const x = randomTensor([3, 8], 1);
    const [coarse, exact] = [await runGraph(withInt8(graph, layersOf(graph), 63), { x }), await runGraph(graph, { x })];
    expect(coarse["y"]).toBeCloseTensor(exact["y"]!, { atol: 0, rtol: 0.03 });
  });

  test("gives weights that are all 0 no scale to divide by", async () => {
    const layer: Layer = { shape: [3, 8], weight: [4, 8], make: matmulTransposed };
    const { y } = await runGraph(narrow(graphOf(layer, new Float32Array(32))), { x: randomTensor([3, 8], 1) });
    expect(y?.data.every((value) => value === 0)).toBe(true);
  });

  test("takes weights that are widened and cut from others, on weights alone", async () => {
    const builder = graphBuilder("cut");
    const x = builder.input("x", "F32", [1, 4, 8, 8]);
    const wide = builder.constant(random(4 * 8 * 9, 1), [4, 8, 3, 3]);
    const half = cast(cast(wide, "F16", DTYPES.F16.onnxType), "F32", DTYPES.F32.onnxType);
    const graph = builder.finish({ y: conv(x, slice(half, 1, 2, 6), undefined, { pads: [1, 1, 1, 1] }) });
    const apart = narrow(graph);
    expect([...constantNodes(apart)].map(({ op }) => op)).toContain("Round");
    const [actual, expected] = [
      await runGraph(apart, { x: randomTensor([1, 4, 8, 8], 3) }),
      await runGraph(graph, { x: randomTensor([1, 4, 8, 8], 3) }),
    ];
    expect(actual["y"]).toBeCloseTensor(expected["y"]!, { atol: 0, rtol: 0.02 });
  });

  test("leaves the rest as it is", () => {
    const builder = graphBuilder("rest");
    const x = builder.input("x", "F32", [4, 4]);
    const graph = builder.finish({ y: matmulTransposed(matmul(x, x), builder.constant(random(16, 1), [4, 4])) });
    expect(withInt8(graph, new Set())).toEqual(graph);
    expect(ops(narrow(graph))).toContain("MatMul");
  });
});
