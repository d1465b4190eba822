import { describe, expect, test } from "vitest";
import { unet } from "../../src/models/unet/unet.ts";
import { separateComputedWeights } from "../../src/onnx/computed-weights.ts";
import { graphBuilder } from "../../src/onnx/graph.ts";
import { cast, matmulTransposed } from "../../src/onnx/ops.ts";
import { constantNodes } from "../../src/onnx/subgraph.ts";
import { textToImage } from "../../src/pipelines/text-to-image/text-to-image.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import { openGraph } from "../../src/runtime/node/open-graph.ts";
import { sessionThread } from "../../src/runtime/node/places/thread.ts";
import { openComputed } from "../../src/runtime/node/weights/open-computed.ts";
import { memorySettings } from "../../src/runtime/sessions/memory-settings.ts";
import { withAdapters } from "../../src/systems/parts/with-adapters.ts";
import { openStableDiffusion } from "../../src/systems/stable-diffusion.ts";
import { DTYPES } from "../../src/tensor/dtype.ts";
import { NETWORK_CALL } from "../support/assertions/tolerances.ts";
import { fixturePath } from "../support/fixtures.ts";
import { randomTensor } from "../support/random-tensor.ts";
import { countingRuntime } from "../support/runtimes/counting-runtime.ts";

const plain = await openStableDiffusion(fixturePath("pipelines/sd15/model"));
const lora = (name: string, strength: number) => ({ path: fixturePath(`adapters/sd15/${name}.safetensors`), strength });
const { model } = await withAdapters(plain, { loras: [lora("locon", 0.5), lora("lokr", 0.3)] });
const { graph } = unet(model.unet.config, { batch: 1, height: 8, width: 8, contextLength: 77 }, model.unet.weights);
const feeds = Object.fromEntries(
  [...graph.inputs].map(([name, { shape }], i) => {
    const { data } = randomTensor(shape, i);
    return [name, { data, dims: shape }] as const;
  }),
);

describe("weights that LoRAs change", () => {
  test("leave the graph with what they are computed from, some at a time", () => {
    const separated = separateComputedWeights(graph, { bytes: 2 ** 14 });
    if (separated === undefined) throw new TypeError("The graph has changed weights");
    const { graph: rest, parts } = separated;
    expect(parts.length).toBeGreaterThan(3);
    expect([...constantNodes(rest)].map(({ op }) => op)).not.toContain("Gemm");
    const given = parts.flatMap(({ outputs }) => [...outputs.keys()]);
    expect([...graph.inputs.keys(), ...given]).toEqual([...rest.inputs.keys()]);
    expect(separateComputedWeights(rest, { bytes: 1 })).toBeUndefined();
  });

  test("are computed once, fed at every run, and freed with their session", async () => {
    const place = sessionThread();
    const settings = { device: "cpu", threads: 1, memory: memorySettings(graph, false) } as const;
    const folded = await openGraph(graph, settings, place);
    const expected = await (await folded.run(feeds))["prediction"]?.read();
    await folded[Symbol.asyncDispose]();
    const computed = await openComputed(graph, settings, place);
    for (let run = 0; run < 2; run++) {
      const made = await (await computed.run(feeds))["prediction"]?.read();
      expect({ data: made?.data, shape: made?.dims }).toBeCloseTensor(
        { data: expected?.data as Float32Array, shape: expected?.dims ?? [] },
        NETWORK_CALL,
      );
    }
    expect((await place.ask({ kind: "count" })).counts).toMatchObject({ sessions: 1 });
    await computed[Symbol.asyncDispose]();
    expect((await place.ask({ kind: "count" })).counts).toEqual({ sessions: 0, tensors: 0 });
    await place.end();
  });

  test("that cannot be computed are the first run's error, and loading waits for none", async () => {
    const place = sessionThread();
    const settings = { device: "cpu", threads: 1, memory: memorySettings(graph, false) } as const;
    const beyond = new Map(
      [...graph.initializers].map(([value, initializer]) => {
        const { kind, data } = initializer;
        const isFactor = kind === "weight" && initializer.name.includes("change_") && data !== undefined;
        return [value, isFactor ? { ...initializer, data: { ...data, offset: 2 ** 40 } } : initializer];
      }),
    );
    const session = await openComputed({ ...graph, initializers: beyond }, settings, place);
    await expect(session.run(feeds)).rejects.toThrow('Cannot load graph "');
    await session[Symbol.asyncDispose]();
    expect((await place.ask({ kind: "count" })).counts).toEqual({ sessions: 0, tensors: 0 });
    await place.end();
  });
});

describe("a float16 LoRA beside a layer", () => {
  /** A layer whose weight is `dtype`, and a thin matrix in float16 beside it. */
  function besides(dtype: "F32" | "F16", size: number) {
    const builder = graphBuilder("layer");
    const x = builder.input("x", "F32", [1, size]);
    const stored = (name: string, type: "F32" | "F16", shape: readonly number[]) => {
      const weight = builder.weight(name, type, shape, undefined);
      return type === "F32" ? weight : cast(weight, "F32", DTYPES.F32.onnxType);
    };
    const thin = matmulTransposed(x, stored("down", "F16", [4, size]));
    return builder.finish({ y: matmulTransposed(x, stored("base", dtype, [size, size])), thin });
  }

  test("is widened apart where the network's weights are float32", () => {
    const separated = separateComputedWeights(besides("F32", 2 ** 14), { bytes: 1, widened: true });
    expect(separated?.parts.map(({ nodes }) => nodes.map(({ op }) => op))).toEqual([["Cast"]]);
    expect(separated?.graph.nodes.map(({ op }) => op)).toEqual(["FusedMatMul", "FusedMatMul"]);
  });

  test("is widened with the network's weights where these are many", () => {
    expect(separateComputedWeights(besides("F16", 2 ** 14), { bytes: 1, widened: true })).toBeUndefined();
    expect(separateComputedWeights(besides("F32", 2 ** 14), { bytes: 1 }), "in low memory").toBeUndefined();
  });
});

test("another LoRA or strength starts with an empty cache and frees the sessions before it", async () => {
  const runtime = countingRuntime(nodeRuntime());
  const options = { prompt: "a fox", seed: 1, steps: 4, cache: { kind: "uniform", interval: 2, branch: 0 } } as const;
  await using pipeline = textToImage(plain, { runtime });
  const run = async (...loras: ReturnType<typeof lora>[]) =>
    (await pipeline.generate({ ...options, loras }, { latentsOnly: true })).latents;
  const first = await run();
  const held = runtime.sessions;
  const changed = await run(lora("kohya", 0.8));
  const loads = runtime.loads;
  expect(await run(lora("kohya", 0.8)), "the same again").toEqual(changed);
  expect(runtime.loads - loads, "the text encoder alone").toBe(1);
  const weaker = await run(lora("kohya", 0.4));
  expect(weaker).not.toEqual(changed);
  expect(await run(), "none").toEqual(first);
  expect([runtime.sessions, runtime.tensors]).toEqual([held, 0]);
});
