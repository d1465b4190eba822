import { mkdtempSync, readdirSync, rmSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { nodeFiles } from "../../src/checkpoint/files/node.ts";
import { type Graph, graphBuilder, type Value } from "../../src/onnx/graph.ts";
import { cast, conv, gemm, matmulTransposed, reshape } from "../../src/onnx/ops.ts";
import { networkMemory } from "../../src/runtime/memory/network.ts";
import { int8Range, rangeFor } from "../../src/runtime/node/int8-range.ts";
import { type NodeRuntimeOptions, nodeRuntime } from "../../src/runtime/node/node.ts";
import { onnxRuntime } from "../../src/runtime/node/onnxruntime.ts";
import { withPrecision } from "../../src/runtime/precision.ts";
import { callingThread } from "../../src/runtime/sessions/calling-thread.ts";
import { DTYPES } from "../../src/tensor/dtype.ts";
import { torchGenerator } from "../../src/tensor/torch-generator.ts";
import { randomTensor } from "../support/random-tensor.ts";

const folder = mkdtempSync(join(tmpdir(), "deepcache-int8-"));
afterAll(() => rmSync(folder, { recursive: true }));

const WIDTH = 64;
const weights = join(folder, "weights.bin");
const halves = new Uint16Array(torchGenerator(1).randn([WIDTH * WIDTH * 12]).data.length).map(
  (_, i) => 0x2c00 + ((i * 7919) % 0x400),
);
writeFileSync(weights, halves);

/** A convolution of 3×3 and a linear layer over its channels, in float16 as files have them. */
async function network({ lora = false }: { readonly lora?: boolean } = {}): Promise<Graph> {
  const source = await nodeFiles(folder).open("weights.bin");
  const builder = graphBuilder("network");
  let offset = 0;
  const weight = (shape: readonly number[]): Value => {
    const length = 2 * shape.reduce((a, b) => a * b);
    const stored = builder.weight(`weight.${offset}`, "F16", shape, { source, offset, length });
    offset += length;
    return cast(stored, "F32", DTYPES.F32.onnxType);
  };
  const x = builder.input("x", "F32", [1, WIDTH, 16, 16]);
  const kernel = weight([WIDTH, WIDTH, 3, 3]);
  const matrix = weight([WIDTH, WIDTH]);
  const changed = lora ? gemm(weight([WIDTH, 4]), weight([4, WIDTH]), matrix, 0.5) : matrix;
  const pixels = reshape(conv(x, kernel, undefined, { pads: [1, 1, 1, 1] }), [1, WIDTH, 256]);
  const tokens = x.builder.node(
    "Transpose",
    [pixels],
    { dtype: "F32", shape: [1, 256, WIDTH] },
    { attributes: { perm: [0, 2, 1] } },
  );
  return builder.finish({ y: matmulTransposed(tokens, changed) });
}

const x = randomTensor([1, WIDTH, 16, 16], 2);

async function run(graph: Graph, options: NodeRuntimeOptions, load = { allowHalf: true }): Promise<Float32Array> {
  await using session = await nodeRuntime(options).load(graph, load);
  const { y } = await session.run({ x });
  return (await y!.download()).data;
}

const farthest = (a: Float32Array, b: Float32Array): number => {
  const largest = b.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0) / largest;
};
const same = (a: Float32Array, b: Float32Array): boolean => Buffer.from(a.buffer).equals(Buffer.from(b.buffer));

describe("withPrecision()", () => {
  const layer = (shape: readonly number[], kernel: readonly number[]): Graph => {
    const builder = graphBuilder("layer");
    const input = builder.input("x", "F32", shape);
    const weight = builder.constant(new Float32Array(kernel.reduce((a, b) => a * b)), kernel);
    return builder.finish({
      y: kernel.length === 2 ? matmulTransposed(input, weight) : conv(input, weight, undefined),
    });
  };

  test("leaves a graph alone in float32", async () => {
    const graph = await network();
    expect(withPrecision(graph, "float32")).toBe(graph);
    expect(withPrecision(graph, "int8")).not.toBe(graph);
  });

  test.each<[string, Graph]>([
    ["the first convolution", layer([1, 4, 64, 64], [320, 4, 3, 3])],
    ["the last one", layer([1, 320, 64, 64], [4, 320, 3, 3])],
    ["the timestep's embedding", layer([2, 1280], [1280, 1280])],
    ["a layer with little to do", layer([1, 64, 64], [64, 64])],
  ])("leaves %s in float32", (_, graph) => {
    expect(withPrecision(graph, "int8")).toBe(graph);
  });
});

describe("nodeRuntime() in int8", () => {
  test("differs a little from float32, and not from run to run", async () => {
    const graph = await network();
    const exact = await run(graph, {});
    const narrow = await run(graph, { precision: "int8" });
    expect(same(narrow, exact)).toBe(false);
    expect(farthest(narrow, exact)).toBeLessThan(0.02);
    expect(same(narrow, await run(graph, { precision: "int8" }))).toBe(true);
  });

  test("is for the network that denoises alone, and not for what runs once", async () => {
    const graph = await network();
    const exact = await run(graph, {});
    expect(same(await run(graph, { precision: "int8" }, { allowHalf: false }), exact)).toBe(true);
    const once = { allowHalf: true, once: true };
    expect(same(await run(graph, { precision: "int8" }, once), await run(graph, {}, once))).toBe(true);
  });

  test("says what it computes in", () => {
    expect([nodeRuntime(), nodeRuntime({ precision: "int8" })].map(({ precision }) => precision)).toEqual([
      "float32",
      "int8",
    ]);
  });

  test("reads the weights of a network of 128 MiB from files, which folding them would take several times over", async () => {
    const [kept, whole] = [join(folder, "medium"), join(folder, "medium.bin")];
    const [outer, inner] = [2 ** 12, 2 ** 13];
    const length = 2 * outer * inner;
    writeFileSync(whole, "");
    truncateSync(whole, length); // zeros
    const source = await nodeFiles(folder).open("medium.bin");
    const builder = graphBuilder("medium");
    const stored = builder.weight("weight", "F16", [outer, inner], { source, offset: 0, length });
    const input = builder.input("x", "F32", [1, 16, inner]);
    const graph = builder.finish({ y: matmulTransposed(input, cast(stored, "F32", DTYPES.F32.onnxType)) });
    const runtime = nodeRuntime({ precision: "int8", keepWeights: { folder: nodeFiles(kept) } });
    await using session = await runtime.load(graph, { allowHalf: true });
    expect(readdirSync(kept)).toHaveLength(1);
    const { y } = await session.run({ x: randomTensor([1, 16, inner], 4) });
    expect((await y!.download()).data.every((value) => value === 0)).toBe(true);
  });

  test("keeps weights in files, reads them the next time, and makes them anew for another version of theirs", async () => {
    const kept = join(folder, "kept");
    const told: number[] = [];
    const keepWeights = {
      folder: nodeFiles(kept),
      onProgress: ({ written, total }: { written: number; total: number }) => told.push(written / total),
    };
    const options = { precision: "int8", lowMemory: true, keepWeights } as const;
    const first = await run(await network(), options);
    const files = readdirSync(kept);
    expect(files).toHaveLength(2);
    expect(told).toEqual([expect.any(Number), 1]);
    expect(same(await run(await network(), options), first)).toBe(true);
    expect(told).toHaveLength(2);
    expect(same(await run(await network(), { precision: "int8", lowMemory: true }), first), "without files").toBe(true);

    truncateSync(join(kept, files[0]!), 5);
    expect(same(await run(await network(), options), first), "what is broken is written again").toBe(true);
    expect(told).toEqual([expect.any(Number), 1, 1]);

    utimesSync(weights, 1, 1);
    await run(await network(), options);
    expect(readdirSync(kept)).toHaveLength(4);
  });

  test("keeps no weights that a LoRA changes, and computes with them", async () => {
    const kept = join(folder, "changed");
    const graph = await network({ lora: true });
    const options = { precision: "int8", lowMemory: true, keepWeights: { folder: nodeFiles(kept) } } as const;
    const narrow = await run(graph, options);
    expect(readdirSync(kept)).toHaveLength(1);
    expect(farthest(narrow, await run(graph, {}))).toBeLessThan(0.02);
    expect(farthest(narrow, await run(await network(), options))).toBeGreaterThan(0.1);
  });

  test("takes a fourth of the memory for weights", async () => {
    const planned = [{ graph: await network(), allowHalf: true }];
    const bytes = (precision: "float32" | "int8"): number =>
      networkMemory(planned, { lowMemory: false, precision }).weights;
    expect(bytes("int8") / bytes("float32")).toBeLessThan(0.3);
    const [once] = planned.map((session) => ({ ...session, once: true }));
    expect(networkMemory([once!], { lowMemory: false, precision: "int8" })).toEqual(
      networkMemory([once!], { lowMemory: false }),
    );
  });

  test("takes fewer steps for weights where sums of products do not fit", async () => {
    expect(rangeFor([64, 64, 63.9])).toBe(127);
    expect(rangeFor([64, 32.4])).toBe(63);
    expect(rangeFor([])).toBe(63);
    const place = callingThread(onnxRuntime, { quiet: true });
    expect([63, 127]).toContain(await int8Range(place));
  });

  test("refuses another precision, and another device than a CPU", () => {
    expect(() => nodeRuntime({ precision: "int4" as "int8" })).toThrow(
      'Cannot compute in "int4": one of float32, int8, bfloat16, float16 is required',
    );
    expect(() => nodeRuntime({ precision: "int8", device: "webgpu" })).toThrow(
      'Cannot compute in int8 on device "webgpu": it takes the CPU in Node',
    );
  });
});
