import { describe, expect, test } from "vitest";
import { type Graph, graphBuilder, type Value } from "../../src/onnx/graph.ts";
import { cast, conv, slice } from "../../src/onnx/ops.ts";
import { constantNodes } from "../../src/onnx/subgraph.ts";
import { isWinogradConv, type WinogradForm, withWinograd } from "../../src/onnx/winograd.ts";
import { DTYPES } from "../../src/tensor/dtype.ts";
import { torchGenerator } from "../../src/tensor/torch-generator.ts";
import { F32_LAYER } from "../support/assertions/tolerances.ts";
import { randomTensor } from "../support/random-tensor.ts";
import { runGraph } from "../support/runtimes/run-graph.ts";

interface Case {
  readonly shape: readonly [number, number, number, number];
  readonly out?: number;
  readonly bias?: boolean;
  /** Of the kernel, in each direction. */
  readonly taps?: 2 | 3;
  readonly pads?: readonly [number, number, number, number];
  readonly form: WinogradForm;
}

const random = (count: number, seed: number): Float32Array => torchGenerator(seed).randn([count]).data;

function convolution({ shape, out = 6, bias = true, taps = 3, pads = [1, 1, 1, 1] }: Omit<Case, "form">): Graph {
  const builder = graphBuilder("convolution");
  const x = builder.input("x", "F32", shape);
  const weight = builder.constant(random(out * shape[1] * taps ** 2, 1), [out, shape[1], taps, taps]);
  const offset = bias ? builder.constant(random(out, 2), [out]) : undefined;
  return builder.finish({ y: conv(x, weight, offset, { pads }) });
}

const PHASE = { shape: [2, 5, 13, 10], taps: 2, form: { down: 4, across: 3, rows: 2 } } as const;

describe("withWinograd()", () => {
  test.each<[string, Case]>([
    ["tiles that fit", { shape: [1, 5, 16, 8], form: { down: 4, across: 2, rows: 4 } }],
    ["sizes that tiles do not divide", { shape: [1, 5, 13, 7], form: { down: 4, across: 2, rows: 4 } }],
    ["a picture smaller than a tile", { shape: [1, 5, 3, 1], form: { down: 1, across: 1, rows: 1 } }],
    ["strips of tiles", { shape: [1, 5, 26, 12], form: { down: 7, across: 3, rows: 2 } }],
    ["several samples", { shape: [3, 5, 18, 9], form: { down: 5, across: 3, rows: 2 } }],
    ["no bias", { shape: [2, 4, 8, 8], bias: false, form: { down: 2, across: 2, rows: 2 } }],
    ["2×2, of what lies before", { ...PHASE, pads: [1, 1, 0, 0] }],
    ["2×2, of what lies behind", { ...PHASE, pads: [0, 0, 1, 1] }],
    ["2×2, of both", { ...PHASE, pads: [1, 0, 0, 1] }],
    ["one channel", { shape: [1, 1, 8, 8], out: 1, form: { down: 2, across: 2, rows: 1 } }],
  ])("computes what the convolution does: %s", async (_, { form, ...settings }) => {
    const graph = convolution(settings);
    const apart = withWinograd(graph, () => form);
    expect(apart.nodes.map(({ op }) => op)).toContain("DepthToSpace");
    const feeds = { x: randomTensor(settings.shape, 3) };
    const [expected, actual] = [await runGraph(graph, feeds), await runGraph(apart, feeds)];
    expect(actual["y"]?.shape).toEqual(expected["y"]?.shape);
    expect(actual["y"]).toBeCloseTensor(expected["y"]!, F32_LAYER);
  });

  test("leaves convolutions without a form as they are", () => {
    const graph = convolution({ shape: [1, 2, 8, 8] });
    expect(withWinograd(graph, () => undefined)).toEqual(graph);
  });

  test("takes kernels that are widened and cut from others, and shares what is the same for several", async () => {
    const builder = graphBuilder("two");
    const x = builder.input("x", "F32", [1, 4, 8, 8]);
    const wide = builder.constant(random(4 * 8 * 9, 1), [4, 8, 3, 3]);
    const narrow = cast(cast(wide, "F16", DTYPES.F16.onnxType), "F32", DTYPES.F32.onnxType);
    const options = { pads: [1, 1, 1, 1] as const };
    const first = conv(x, slice(narrow, 1, 0, 4), undefined, options);
    const graph = builder.finish({ y: conv(first, slice(narrow, 1, 4, 8), undefined, options) });
    const apart = withWinograd(graph, (node) => (node.op === "Conv" ? { down: 2, across: 2, rows: 2 } : undefined));
    const feeds = { x: randomTensor([1, 4, 8, 8], 3) };
    const [expected, actual] = [await runGraph(graph, feeds), await runGraph(apart, feeds)];
    expect(actual["y"]).toBeCloseTensor(expected["y"]!, F32_LAYER);
    expect(apart.nodes.filter(({ op }) => op === "Expand")).toHaveLength(1);
    expect([...constantNodes(apart)].map(({ op }) => op)).toContain("FusedMatMul");
  });
});

describe("isWinogradConv()", () => {
  const options = { pads: [1, 1, 1, 1] as const };
  const node = (make: (x: Value, kernel: (size: number) => Value) => Value) => {
    const builder = graphBuilder("one");
    const kernel = (size: number): Value => builder.constant(random(16 * size * size, 1), [4, 4, size, size]);
    const x = builder.input("x", "F32", [1, 4, 8, 8]);
    const { nodes } = builder.finish({ y: make(x, kernel) });
    return nodes[0]!;
  };
  const always = (): boolean => true;

  test("is true of 3×3 kernels that keep the size", () => {
    expect(
      isWinogradConv(
        node((x, kernel) => conv(x, kernel(3), undefined, options)),
        always,
      ),
    ).toBe(true);
  });

  test.each<[string, (x: Value, kernel: (size: number) => Value) => Value]>([
    ["another kernel", (x, kernel) => conv(x, kernel(1), undefined)],
    ["another stride", (x, kernel) => conv(x, kernel(3), undefined, { ...options, stride: 2 })],
    ["other borders", (x, kernel) => conv(x, kernel(3), undefined, { pads: [0, 0, 1, 1] })],
  ])("is false of %s", (_, make) => {
    expect(isWinogradConv(node(make), always)).toBe(false);
  });

  test("is false where the kernel is computed from inputs", () => {
    expect(
      isWinogradConv(
        node((x, kernel) => conv(x, kernel(3), undefined, options)),
        () => false,
      ),
    ).toBe(false);
  });
});
