import { describe, expect, test } from "vitest";
import { memorySource } from "../../src/checkpoint/bytes/byte-sources/memory.ts";
import { type Graph, graphBuilder, type Value } from "../../src/onnx/graph.ts";
import { conv } from "../../src/onnx/ops.ts";
import { withConvolutions } from "../../src/runtime/convolutions.ts";
import { networkMemory } from "../../src/runtime/memory/network.ts";
import { type NodeRuntimeOptions, nodeRuntime } from "../../src/runtime/node/node.ts";
import { torchGenerator } from "../../src/tensor/torch-generator.ts";
import { randomTensor } from "../support/random-tensor.ts";

interface Sizes {
  readonly channels: number;
  readonly height?: number;
  readonly width?: number;
  /** Convolutions one after the other, each with weights of its own. */
  readonly count?: number;
}

function convolutions({ channels, height = 32, width = 64, count = 1 }: Sizes): Graph {
  const builder = graphBuilder("convolutions");
  let x: Value = builder.input("x", "F32", [1, channels, height, width]);
  const shape = [channels, channels, 3, 3];
  const values = torchGenerator(1)
    .randn(shape)
    .data.map((value) => value / Math.sqrt(9 * channels));
  const source = memorySource(new Uint8Array(values.buffer), "weights");
  for (let i = 0; i < count; i++) {
    const kernel = builder.weight(`weight.${i}`, "F32", shape, { source, offset: 0, length: values.byteLength });
    x = conv(x, kernel, undefined, { pads: [1, 1, 1, 1] });
  }
  return builder.finish({ y: x });
}

/** Bit for bit; a matcher takes seconds for so many numbers. */
const same = (a: Float32Array, b: Float32Array): boolean => Buffer.from(a.buffer).equals(Buffer.from(b.buffer));

const direct = (graph: Graph): number =>
  graph.nodes.filter(({ op, attributes }) => op === "Conv" && attributes["group"] === 1).length;

describe("withConvolutions()", () => {
  test("leaves a graph alone where convolutions are to be direct", () => {
    const graph = convolutions({ channels: 256, count: 8 });
    expect(withConvolutions(graph, "direct")).toBe(graph);
  });

  test.each<[string, Sizes]>([
    ["few channels", { channels: 64, height: 256, width: 256, count: 8 }],
    ["few results", { channels: 1024, height: 16, width: 32, count: 8 }],
    ["few multiplications", { channels: 128, count: 8 }],
  ])("leaves convolutions of %s alone", (_, sizes) => {
    const graph = convolutions(sizes);
    expect(withConvolutions(graph, "winograd")).toBe(graph);
  });

  test("lets weights grow by three tenths, or by 448 MiB", () => {
    const few = convolutions({ channels: 512, count: 20 }); // each takes 27 MiB more
    expect(direct(withConvolutions(few, "winograd"))).toBe(4);
    const many = convolutions({ channels: 512, count: 200 });
    expect(direct(withConvolutions(many, "winograd"))).toBe(180); // each has three times its weights more
    const bytes = (how: "direct" | "winograd"): number =>
      networkMemory([{ graph: many }], { lowMemory: false, convolutions: how }).weights;
    expect(bytes("winograd") / bytes("direct")).toBeGreaterThan(1.25);
    expect(bytes("winograd") / bytes("direct")).toBeLessThan(1.35);
  });

  test("is not for memory that is short", () => {
    const graph = convolutions({ channels: 256, count: 8 });
    expect(networkMemory([{ graph }], { lowMemory: true })).toEqual(
      networkMemory([{ graph }], { lowMemory: true, convolutions: "direct" }),
    );
  });
});

describe("nodeRuntime()", () => {
  const graph = convolutions({ channels: 128, height: 64, width: 128, count: 10 });
  const x = randomTensor([1, 128, 64, 128], 2);
  const run = async (options: NodeRuntimeOptions): Promise<Float32Array> => {
    await using session = await nodeRuntime(options).load(graph);
    const { y } = await session.run({ x });
    return (await y!.download()).data;
  };

  test("computes large convolutions by Winograd's algorithm, unless told otherwise", async () => {
    const [usual, exact] = [await run({}), await run({ convolutions: "direct" })];
    const largest = exact.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    const farthest = exact.reduce((most, value, i) => Math.max(most, Math.abs(value - usual[i]!)), 0);
    expect(farthest / largest).toBeLessThan(3e-5);
    expect(same(usual, exact)).toBe(false);
    expect(same(usual, await run({ convolutions: "winograd" }))).toBe(true);
  });

  test("computes them directly in low memory", async () => {
    const usual = await run({ lowMemory: true });
    expect(same(usual, await run({ lowMemory: true, convolutions: "direct" }))).toBe(true);
  });

  test("refuses another way", () => {
    expect(() => nodeRuntime({ convolutions: "fft" as "direct" })).toThrow(
      'Cannot compute convolutions by "fft": one of direct, winograd is required',
    );
  });
});
