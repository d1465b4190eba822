import { describe, expect, test } from "vitest";
import { fileSource } from "../../src/checkpoint/bytes/byte-sources/file.ts";
import { openComponent } from "../../src/checkpoint/folder/component.ts";
import { writeSafetensors } from "../../src/checkpoint/safetensors/write-safetensors.ts";
import { unet } from "../../src/models/unet/unet.ts";
import { unetConfig } from "../../src/models/unet/unet-config.ts";
import { type Graph, graphBuilder, type Value } from "../../src/onnx/graph.ts";
import { add, cast, multiply, relu } from "../../src/onnx/ops.ts";
import { nodeRuntimeInPieces, openPieces } from "../../src/runtime/node/node.ts";
import { piecesOf } from "../../src/runtime/pieces.ts";
import type { DeviceTensor } from "../../src/runtime/runtime.ts";
import { memorySettings } from "../../src/runtime/sessions/memory-settings.ts";
import type { OpenedSession } from "../../src/runtime/sessions/opened-session.ts";
import type { Place } from "../../src/runtime/sessions/place.ts";
import { DTYPES, type Dtype } from "../../src/tensor/dtype.ts";
import { type Tensor, tensor } from "../../src/tensor/tensor.ts";
import { temporaryFolder } from "../checkpoint/files.ts";
import { NETWORK_CALL } from "../support/assertions/tolerances.ts";
import { fixturePath, readFixture } from "../support/fixtures.ts";
import { copiedFiles } from "../support/models/copied-files.ts";
import { unetCase } from "../support/models/unet-cases.ts";

/** x + w0 + w1 + … with weights of 4 values, each of its own type; also gives x + w0. */
function sums(...dtypes: readonly Dtype[]): Graph {
  const builder = graphBuilder("sums");
  const x = builder.input("x", "F32", [4]);
  const steps: Value[] = [];
  for (const [i, dtype] of dtypes.entries()) {
    const stored = builder.weight(`w${i}`, dtype, [4], undefined);
    const widened = dtype === "F32" ? stored : cast(stored, "F32", DTYPES.F32.onnxType);
    steps.push(add(steps.at(-1) ?? x, widened));
  }
  return builder.finish({ first: steps[0] as Value, y: steps.at(-1) as Value });
}

const names = (values: Graph["inputs"]): string[] => [...values.keys()];

describe("piecesOf()", () => {
  test("makes pieces that widen equally much, and hands over what crosses", () => {
    const pieces = piecesOf(sums("F16", "BF16", "F16", "F16"), 32);
    expect(pieces.map(({ nodes }) => nodes.map(({ op }) => op))).toEqual([
      ["Cast", "Add", "Cast", "Add"],
      ["Cast", "Add", "Cast", "Add"],
    ]);
    expect(pieces.map(({ inputs }) => names(inputs))).toEqual([["x"], ["piece_0"]]);
    expect(pieces.map(({ outputs }) => names(outputs))).toEqual([["first", "piece_0"], ["y"]]);
  });

  test("counts what is widened alone, a weight of several readers once", () => {
    const narrow = sums("F16", "F32", "F32", "F32", "F16");
    expect(piecesOf(narrow, 32)).toEqual([narrow]);
    expect(piecesOf(narrow, 31)).toHaveLength(2);
    const builder = graphBuilder("shared");
    const x = builder.input("x", "F32", [4]);
    const weight = cast(builder.weight("w", "F16", [4], undefined), "F32", DTYPES.F32.onnxType);
    const shared = builder.finish({ y: multiply(add(x, weight), weight) });
    expect(piecesOf(shared, 16)).toEqual([shared]);
    expect(piecesOf(shared, 15)).toHaveLength(1); // one weight is not taken apart
  });

  test("has every node in one piece, those after the last weight too", () => {
    const y = sums("F16", "F16", "F16").outputs.get("y") as Value;
    const whole = y.builder.finish({ z: relu(relu(y)) });
    const pieces = piecesOf(whole, 16);
    expect(pieces.flatMap(({ nodes }) => nodes).filter(({ op }) => op !== "Cast")).toEqual(
      whole.nodes.filter(({ op }) => op !== "Cast"),
    );
  });

  test("leaves a graph whole that gives a weight, or the same under two names", () => {
    const graph = sums("F16", "F16");
    const weight = graph.nodes[0]?.outputs[0] as Value;
    for (const more of [weight, graph.outputs.get("y") as Value, graph.inputs.get("x") as Value]) {
      const odd = { ...graph, outputs: new Map([...graph.outputs, ["more", more] as const]) };
      expect(piecesOf(odd, 16)).toEqual([odd]);
    }
  });

  test("leaves a graph whole where nothing is to be widened", () => {
    const graph = sums("F32", "F32");
    expect(piecesOf(graph, 1)).toEqual([graph]);
    expect(piecesOf(sums("F16", "F16"))).toHaveLength(1);
    expect(piecesOf(sums("F16", "F16"), Number.POSITIVE_INFINITY)).toHaveLength(1);
  });
});

const { config, weights } = await openComponent(fixturePath("models/unet-fp16"));
const io = readFixture("models/unet-fp16/io.safetensors");
const { shape, feeds } = unetCase(io, "case0.");
const { graph } = unet(unetConfig(config), shape, weights);
const expected = io.tensor("case0.output");
const PIECE = 24_000; // of 76 448 bytes

describe("a graph in pieces", () => {
  test("gives the same prediction, run by run", async () => {
    expect(piecesOf(graph, PIECE)).toHaveLength(4);
    await using session = await nodeRuntimeInPieces({}, PIECE).load(graph);
    const sample = feeds["sample"] as Tensor;
    const other = tensor(
      sample.data.map((value) => -value),
      sample.shape,
    );
    const predict = async (changes: Record<string, Tensor> = {}): Promise<Tensor> => {
      const { prediction } = await session.run({ ...feeds, ...changes });
      return (await prediction?.download()) as Tensor;
    };
    const [first, changed] = [await predict(), await predict({ sample: other })];
    expect(first).toBeCloseTensor(expected, NETWORK_CALL);
    expect(changed).not.toBeCloseTensor(expected, NETWORK_CALL);
    expect(await predict()).toEqual(first);
    expect(await Promise.all([predict(), predict({ sample: other })])).toEqual([first, changed]);
  });

  test("takes weights that lie on no disk", async () => {
    const { weights: copied } = await openComponent(copiedFiles(fixturePath("models/unet-fp16")));
    const copy = unet(unetConfig(config), shape, copied).graph;
    const predict = async (loaded: Graph): Promise<Tensor | undefined> => {
      await using session = await nodeRuntimeInPieces({}, PIECE).load(loaded);
      return await (await session.run(feeds))["prediction"]?.download();
    };
    expect(await predict(copy)).toEqual(await predict(graph));
  });

  test("keeps inputs that come again, and leaves them and results to the caller", async () => {
    const runtime = nodeRuntimeInPieces({}, PIECE);
    await using session = await runtime.load(graph);
    const builder = graphBuilder("twice");
    const sample = feeds["sample"] as Tensor;
    const x = builder.input("x", "F32", sample.shape);
    await using twice = await runtime.load(builder.finish({ y: add(x, x) }));
    const half = tensor(
      sample.data.map((value) => value / 2),
      sample.shape,
    );
    const { y } = await twice.run({ x: half });
    const results: (Tensor | undefined)[] = [];
    for (let run = 0; run < 2; run++) {
      const { prediction } = await session.run({ ...feeds, sample: y as DeviceTensor });
      results.push(await prediction?.download());
    }
    expect(results[0]).toBeCloseTensor(expected, NETWORK_CALL);
    expect(results[1]).toEqual(results[0]);
    expect(await y?.download(), "the input is still there").toEqual(sample);
  });

  test("takes inputs that are a part of more", async () => {
    await using session = await nodeRuntimeInPieces({}, PIECE).load(graph);
    const sample = feeds["sample"] as Tensor;
    const more = new Float32Array(3 * sample.data.length);
    more.set(sample.data, sample.data.length);
    const part = tensor(more.subarray(sample.data.length, 2 * sample.data.length), sample.shape);
    const { prediction } = await session.run({ ...feeds, sample: part });
    expect(await prediction?.download()).toBeCloseTensor(expected, NETWORK_CALL);
  });

  test("is released once, and refuses to run then", async () => {
    const session = await nodeRuntimeInPieces({}, PIECE).load(graph);
    const { prediction } = await session.run(feeds);
    await session[Symbol.asyncDispose]();
    await session[Symbol.asyncDispose]();
    expect(await prediction?.download(), "results outlive it").toBeCloseTensor(expected, NETWORK_CALL);
    await expect(session.run(feeds)).rejects.toThrow("its session has been released");
  });

  test("leaves no session of other pieces behind where one is refused", async () => {
    const whole = sums("F16", "F16", "F16");
    const pieces = piecesOf(whole, 16);
    const [, odd] = pieces;
    const told: string[] = [];
    const place = { end: async () => void told.push("place ended") } as unknown as Place;
    const open = async (piece: Graph): Promise<OpenedSession> => {
      if (piece === odd) throw new Error("odd");
      return { run: async () => ({}), [Symbol.asyncDispose]: async () => void told.push("session released") };
    };
    const settings = { device: "cpu", threads: undefined, memory: memorySettings(whole, false) } as const;
    await expect(openPieces(whole, pieces, settings, { place: () => place, open })).rejects.toThrow("odd");
    expect(told.filter((what) => what === "session released")).toHaveLength(pieces.length - 1);
    expect(told.filter((what) => what === "place ended")).toHaveLength(pieces.length);
  });

  test("is refused as a whole where one piece is, with the reason", async () => {
    const builder = graphBuilder("odd");
    const x = builder.input("x", "F32", [4]);
    const path = `${temporaryFolder()}/w.safetensors`;
    await writeSafetensors(path, { a: tensor(new Float32Array(4), [4]) });
    const source = await fileSource(path);
    const stored = [0, 1].map((i) => builder.weight(`w${i}`, "F16", [4], { source, offset: 8 * i, length: 8 }));
    const [a, b] = stored.map((value) => cast(value, "F32", DTYPES.F32.onnxType)) as [Value, Value];
    const odd = builder.finish({ y: builder.node("NoSuchOperator", [add(add(x, a), b)], x) });
    const error = await nodeRuntimeInPieces({}, 16)
      .load(odd)
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ message: expect.stringMatching(/^Cannot load graph "odd.*" into ONNX Runtime$/) });
    expect(String((error as Error).cause)).toContain("NoSuchOperator");
  });
});
