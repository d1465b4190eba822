import { mkdirSync, symlinkSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { fileSource } from "../../src/checkpoint/bytes/byte-sources/file.ts";
import { memorySource } from "../../src/checkpoint/bytes/byte-sources/memory.ts";
import { readCheckpoint } from "../../src/checkpoint/read-checkpoint.ts";
import { encodeSafetensors } from "../../src/checkpoint/safetensors/encode-safetensors.ts";
import { writeSafetensors } from "../../src/checkpoint/safetensors/write-safetensors.ts";
import { type ExternalData, type Graph, graphBuilder } from "../../src/onnx/graph.ts";
import { add, gather, multiply } from "../../src/onnx/ops.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import type { DeviceTensor, Feed, Runtime } from "../../src/runtime/runtime.ts";
import { type Tensor, tensor } from "../../src/tensor/tensor.ts";
import { concatenate, temporaryFolder } from "../checkpoint/files.ts";

const RUNTIMES: Readonly<Record<string, Runtime>> = {
  "nodeRuntime()": nodeRuntime(),
  "nodeRuntime() with one thread": nodeRuntime({ threads: 1 }),
};

const vector = (...values: number[]): Tensor => tensor(Float32Array.from(values), [values.length]);

/** a + b and a · b over pairs. */
function arithmetic(): Graph {
  const builder = graphBuilder("arithmetic");
  const [a, b] = [builder.input("a", "F32", [2]), builder.input("b", "F32", [2])];
  return builder.finish({ sum: add(a, b), product: multiply(a, b) });
}

/** x + the weights that lie at each of `places`. */
function weighted(places: readonly ExternalData[]): Graph {
  const builder = graphBuilder("weighted");
  const x = builder.input("x", "F32", [2]);
  const values = places.map((data, i) => builder.weight(`w.${i}`, "F32", [2], data));
  return builder.finish({ y: values.reduce(add, x) });
}

/** Writes [first, first + 1] as a safetensors file and says where the numbers lie. */
async function writePair(path: string, first: number): Promise<ExternalData> {
  await writeSafetensors(path, { w: vector(first, first + 1) });
  const { weights } = await readCheckpoint(await fileSource(path));
  return weights.get("w")?.span as ExternalData;
}

/** The same place in the file at `path`. */
const at = (place: ExternalData, path: string): ExternalData => ({ ...place, source: { ...place.source, path } });

async function run(runtime: Runtime, graph: Graph, feeds: Readonly<Record<string, Feed>>): Promise<number[]> {
  await using session = await runtime.load(graph);
  const { y } = await session.run(feeds);
  return [...((await y?.download())?.data ?? [])];
}

describe.each(Object.entries(RUNTIMES))("%s", (_, runtime) => {
  test("says what it runs on", () => {
    expect(runtime.device).toBe("cpu");
  });

  test("runs a graph by the names of its inputs and outputs, as often as asked", async () => {
    await using session = await runtime.load(arithmetic());
    for (const factor of [1, 2, 1]) {
      const outputs = await session.run({ b: vector(3, factor), a: vector(1, 2) });
      expect(Object.keys(outputs).sort()).toEqual(["product", "sum"]);
      expect(await outputs["sum"]?.download()).toEqual(vector(4, 2 + factor));
      expect(await outputs["product"]?.download()).toEqual(vector(3, 2 * factor));
      expect(outputs["sum"]?.shape).toEqual([2]);
    }
  });

  test("feeds the results of one session to another", async () => {
    await using first = await runtime.load(arithmetic());
    await using second = await runtime.load(arithmetic());
    const { sum, product } = (await first.run({ a: vector(1, 2), b: vector(3, 4) })) as Record<string, DeviceTensor>;
    using a = sum as DeviceTensor;
    using b = product as DeviceTensor;
    for (let i = 0; i < 2; i++) {
      const outputs = await second.run({ a, b });
      expect(await outputs["sum"]?.download()).toEqual(vector(7, 14));
    }
    expect(await a.download()).toEqual(vector(4, 6));
  });

  test("keeps results over later runs of the same session", async () => {
    await using session = await runtime.load(arithmetic());
    const { sum } = await session.run({ a: vector(1, 2), b: vector(3, 4) });
    await session.run({ a: vector(10, 20), b: vector(30, 40) });
    expect(await sum?.download()).toEqual(vector(4, 6));
  });

  test("takes whole numbers", async () => {
    const builder = graphBuilder("lookup");
    const table = builder.constant(Float32Array.of(10, 20, 30, 40), [4, 1]);
    const graph = builder.finish({ y: gather(table, builder.input("ids", "I64", [3])) });
    expect(await run(runtime, graph, { ids: { data: BigInt64Array.of(3n, 0n, 2n), shape: [3] } })).toEqual([
      40, 10, 30,
    ]);
  });

  test("refuses inputs that are not the graph's", async () => {
    await using session = await runtime.load(arithmetic());
    const [a, b] = [vector(1, 2), vector(3, 4)];
    const cases: [Record<string, Feed>, string][] = [
      [{ a }, 'input "b" is missing; given are "a"'],
      [{}, 'input "a" is missing; given are none'],
      [{ a, B: b }, 'input "b" is missing; given are "a", "B"'],
      [{ a, b, c: b }, 'input "c" is unknown; it takes "a", "b"'],
      [{ a, b: vector(1, 2, 3) }, 'input "b" has shape [3] where [2] is required'],
      [{ a, b: tensor(b.data, [1, 2]) }, 'input "b" has shape [1,2] where [2] is required'],
      [{ a, b: { data: new Float32Array(3), shape: [2] } }, 'input "b" [2] does not have 3 values'],
      [{ a, b: { data: new BigInt64Array(2), shape: [2] } }, 'input "b" holds I64 where F32 is required'],
    ];
    for (const [feeds, problem] of cases) {
      await expect(session.run(feeds)).rejects.toThrow(new TypeError(`Cannot run graph "arithmetic": ${problem}`));
    }
    expect(await (await session.run({ a, b }))["sum"]?.download(), "still runs").toEqual(vector(4, 6));
  });

  test("refuses a tensor of another runtime", async () => {
    await using session = await runtime.load(arithmetic());
    const foreign: DeviceTensor = { shape: [2], download: async () => vector(1, 2), [Symbol.dispose]() {} };
    await expect(session.run({ a: foreign, b: foreign })).rejects.toThrow(
      new TypeError("Cannot run: an input has been freed or belongs to another runtime"),
    );
  });

  test("refuses to read or feed a tensor that has been freed", async () => {
    await using session = await runtime.load(arithmetic());
    const { sum } = await session.run({ a: vector(1, 2), b: vector(3, 4) });
    sum?.[Symbol.dispose]();
    sum?.[Symbol.dispose]();
    await expect(sum?.download()).rejects.toThrow("Cannot download a tensor that has been freed");
    await expect(session.run({ a: sum as DeviceTensor, b: vector(3, 4) })).rejects.toThrow(
      "Cannot run: an input has been freed or belongs to another runtime",
    );
  });

  test("refuses to run a session that has been released, and releases it once", async () => {
    const session = await runtime.load(arithmetic());
    const { sum } = await session.run({ a: vector(1, 2), b: vector(3, 4) });
    await session[Symbol.asyncDispose]();
    await session[Symbol.asyncDispose]();
    await expect(session.run({ a: vector(1, 2), b: vector(3, 4) })).rejects.toThrow(
      'Cannot run graph "arithmetic": its session has been released',
    );
    expect(await sum?.download(), "results outlive it").toEqual(vector(4, 6));
  });

  test("refuses a graph that ONNX Runtime does not take, with its reason as the cause", async () => {
    const builder = graphBuilder("odd");
    const x = builder.input("x", "F32", [2]);
    const graph = builder.finish({ y: builder.node("NoSuchOperator", [x], x) });
    const error = await runtime.load(graph).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ message: 'Cannot load graph "odd" into ONNX Runtime', cause: expect.any(Error) });
    expect(String((error as Error).cause)).toContain("NoSuchOperator");
  });
});

describe("nodeRuntime() reads weights", () => {
  const runtime = nodeRuntime();
  const x = vector(0.5, 0.25);

  test("in place, from several files of one folder", async () => {
    const folder = temporaryFolder();
    const places = [await writePair(join(folder, "a"), 10), await writePair(join(folder, "b.safetensors"), 100)];
    expect(await run(runtime, weighted(places), { x })).toEqual([110.5, 112.25]);
  });

  test("from a folder whose name is no plain word", async () => {
    const folder = join(temporaryFolder(), "über uns & 100 %");
    mkdirSync(folder);
    expect(await run(runtime, weighted([await writePair(join(folder, "ä b.safetensors"), 10)]), { x })).toEqual([
      10.5, 11.25,
    ]);
  });

  test("from folders that have little of their paths in common", async () => {
    const [one, two] = [temporaryFolder(), temporaryFolder()];
    const places = [await writePair(join(one, "w"), 10), await writePair(join(two, "w"), 100)];
    expect(await run(runtime, weighted(places), { x })).toEqual([110.5, 112.25]);
  });

  test("through a folder that is a link", async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "real"));
    symlinkSync("real", join(folder, "link"));
    const place = await writePair(join(folder, "real", "w"), 10);
    const linked = at(place, join(folder, "link", "w"));
    expect(await run(runtime, weighted([place, linked]), { x })).toEqual([20.5, 22.25]);
  });

  test("from the Hugging Face cache, where files are links to blobs", async () => {
    const folder = temporaryFolder();
    const [blobs, snapshot] = [join(folder, "blobs"), join(folder, "snapshots", "x", "unet")];
    mkdirSync(blobs);
    mkdirSync(snapshot, { recursive: true });
    const place = await writePair(join(blobs, "0a1b2c"), 10);
    symlinkSync("../../../blobs/0a1b2c", join(snapshot, "model.safetensors"));
    const path = join(snapshot, "model.safetensors");
    const { weights } = await readCheckpoint(await fileSource(path));
    expect(await run(runtime, weighted([weights.get("w")?.span as ExternalData]), { x })).toEqual([10.5, 11.25]);
    expect(await run(runtime, weighted([at(place, path)]), { x })).toEqual([10.5, 11.25]);
  });

  test("that lie on no disk, together with others that do", async () => {
    const [header, data] = encodeSafetensors({ w: vector(10, 11) });
    const file = concatenate([header as Uint8Array, data as Uint8Array]);
    const { weights } = await readCheckpoint(memorySource(file, "w.safetensors"));
    const place = weights.get("w")?.span as ExternalData;
    expect(await run(runtime, weighted([place, place]), { x })).toEqual([20.5, 22.25]);
    const onDisk = await writePair(join(temporaryFolder(), "w"), 100);
    expect(await run(runtime, weighted([place, onDisk]), { x })).toEqual([110.5, 112.25]);
    expect(await run(nodeRuntime({ lowMemory: true }), weighted([onDisk, place]), { x })).toEqual([110.5, 112.25]);
  });

  test("or names the file that is gone or too short", async () => {
    const folder = temporaryFolder();
    const place = await writePair(join(folder, "w"), 10);
    const missing = join(folder, "gone");
    await expect(runtime.load(weighted([at(place, missing)]))).rejects.toThrow(
      `Cannot load graph "weighted": its weights are not found at "${missing}"`,
    );
    truncateSync(join(folder, "w"), place.offset + 4);
    await expect(runtime.load(weighted([place]))).rejects.toThrow(
      `Cannot load graph "weighted": its weights in "${join(folder, "w")}" have been changed since they were opened`,
    );
  });
});
