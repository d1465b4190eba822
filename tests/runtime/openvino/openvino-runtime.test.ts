import { describe, expect, test } from "vitest";
import { openComponent } from "../../../src/checkpoint/folder/component.ts";
import { cut } from "../../../src/deepcache/cut.ts";
import { cachedDenoiser, loadCut, loadPair } from "../../../src/denoisers/cached.ts";
import { autoencoderDecoder, autoencoderKlConfig } from "../../../src/models/autoencoder/autoencoder-kl.ts";
import { clipTextConfig, clipTextModel } from "../../../src/models/clip/clip-text.ts";
import { unet } from "../../../src/models/unet/unet.ts";
import { unetConfig } from "../../../src/models/unet/unet-config.ts";
import type { Graph } from "../../../src/onnx/graph.ts";
import { textToImage } from "../../../src/pipelines/text-to-image/text-to-image.ts";
import { nodeRuntime } from "../../../src/runtime/node/node.ts";
import type { Feed, Runtime } from "../../../src/runtime/runtime.ts";
import type { Tensor } from "../../../src/tensor/tensor.ts";
import { openNetwork } from "../../denoisers/networks.ts";
import { expectGolden, modelFor, optionsOf, recordingRuntime } from "../../pipelines/golden-run.ts";
import { BFLOAT16_CALL, HALF_CALL, NETWORK_CALL, OPENVINO_CALL } from "../../support/assertions/tolerances.ts";
import { fixturePath, readFixture } from "../../support/fixtures.ts";
import { unetCase } from "../../support/models/unet-cases.ts";
import { randomTensor } from "../../support/random-tensor.ts";
import { OPENVINO } from "../../support/runtimes/openvino.ts";
import { runtimeContract } from "../contract.ts";

describe.skipIf(OPENVINO === undefined)('nodeRuntime({ device: "openvino" })', () => {
  const device = "openvino";
  const threads = 1;
  /** Made when a test runs: where there is no OpenVINO, making one is refused. */
  const runtime = (options: Parameters<typeof nodeRuntime>[0] = {}): Runtime =>
    nodeRuntime({ device, threads, ...options });

  if (OPENVINO !== undefined) {
    describe("in a thread of its own", () => runtimeContract(runtime(), { engine: "OpenVINO" }));
    describe("on the caller's thread", () => runtimeContract(runtime({ thread: "caller" }), { engine: "OpenVINO" }));
    describe("on the CPU by its name", () =>
      runtimeContract(runtime({ device: "openvino:CPU" }), { engine: "OpenVINO" }));
  }

  test("says what it is, and computes in float32 unless told otherwise", () => {
    expect(runtime()).toMatchObject({ device: "openvino", precision: "float32", copies: true });
    expect(runtime({ precision: "bfloat16" })).toMatchObject({ precision: "bfloat16" });
  });

  test("says which devices there are where one is missing", async () => {
    await expect(prediction(runtime({ device: "openvino:NPU.7" }))).rejects.toThrow(
      /Cannot run on device "openvino:NPU.7": OpenVINO finds openvino:CPU.* on this machine/,
    );
  });

  async function output(runtime: Runtime, graph: Graph, feeds: Readonly<Record<string, Feed>>): Promise<Tensor> {
    await using session = await runtime.load(graph, { allowHalf: true });
    const [result] = Object.values(await session.run(feeds));
    return (await result?.download()) as Tensor;
  }

  async function prediction(runtime: Runtime): Promise<Tensor> {
    const io = readFixture("models/unet-fp16/io.safetensors");
    const { shape, feeds } = unetCase(io, "case0.");
    const { config, weights } = await openComponent(fixturePath("models/unet-fp16"));
    return await output(runtime, unet(unetConfig(config), shape, weights).graph, feeds);
  }

  test("predicts what ONNX Runtime does from half-precision weights, every time the same", async () => {
    const [expected, first, again] = [
      await prediction(nodeRuntime({ threads })),
      await prediction(runtime()),
      await prediction(runtime({ thread: "caller" })),
    ];
    expect(first).toBeCloseTensor(expected, OPENVINO_CALL);
    expect(again).toEqual(first);
  });

  test.each([
    ["bfloat16", BFLOAT16_CALL],
    ["float16", HALF_CALL],
  ] as const)("differs in %s by its rounding alone, and every time the same", async (precision, tolerance) => {
    const expected = await prediction(runtime());
    const narrow = await prediction(runtime({ precision }));
    expect(narrow).toBeCloseTensor(expected, tolerance);
    expect(narrow).not.toEqual(expected);
    expect(await prediction(runtime({ precision }))).toEqual(narrow);
  });

  test("computes in float32 what is not the network that denoises, whatever it is told", async () => {
    const { config, weights } = await openComponent(fixturePath("models/vae-kl"));
    const graph = autoencoderDecoder(autoencoderKlConfig(config), { batch: 1, height: 8, width: 8 }, weights);
    const latent = randomTensor([...(graph.inputs.get("latent")?.shape ?? [])], 3);
    const decode = async (runtime: Runtime): Promise<Tensor> => {
      await using session = await runtime.load(graph);
      return (await (await session.run({ latent }))["image"]?.download()) as Tensor;
    };
    const decoded = await decode(runtime({ precision: "bfloat16" }));
    expect(decoded).toEqual(await decode(runtime()));
    expect(decoded).toBeCloseTensor(await decode(nodeRuntime()), OPENVINO_CALL);
  });

  test.each(["clip-text-sd15", "clip-text-proj"])("encodes a prompt as ONNX Runtime does: %s", async (name) => {
    const { config, configPath, weights } = await openComponent(fixturePath(`models/${name}`));
    const graph = clipTextModel(clipTextConfig(config, configPath), { batch: 1, length: 16 }, weights);
    const shape = [1, 16];
    const feeds = { input_ids: { data: BigInt64Array.from({ length: 16 }, (_, i) => BigInt(i)), shape } };
    const ids = [...graph.inputs.keys()][0] as string;
    const fed = { [ids]: feeds.input_ids };
    expect(await output(runtime(), graph, fed)).toBeCloseTensor(await output(nodeRuntime(), graph, fed), OPENVINO_CALL);
  });

  describe("on a cut U-Net", async () => {
    const { network, sample, timestep, conditioning } = await openNetwork("unet-sd15");
    const parts = cut(network, 1);

    async function evaluations(runtime: Runtime, load: typeof loadCut | typeof loadPair): Promise<Tensor[]> {
      await using sessions = await load(runtime, parts);
      using denoiser = cachedDenoiser(sessions, { isFull: (index) => index === 0 }, { conditioning, now: () => 0 });
      return [
        await denoiser.predict(sample, timestep),
        await denoiser.predict(randomTensor(sample.shape, 1), timestep - 7),
        await denoiser.predict(sample, timestep),
      ];
    }

    test.each([
      ["three parts", loadCut],
      ["a pair of graphs", loadPair],
    ] as const)("predicts what ONNX Runtime does from %s", async (_, load) => {
      const expected = await evaluations(nodeRuntime({ threads }), load);
      const actual = await evaluations(runtime(), load);
      actual.forEach((value, i) => void expect(value, `evaluation ${i}`).toBeCloseTensor(expected[i]!, OPENVINO_CALL));
      expect(actual[2], "a cached evaluation fed what the same evaluation left").toBeCloseTensor(
        actual[0]!,
        NETWORK_CALL,
      );
    });

    test("predicts the same in bfloat16, run for run", async () => {
      const narrow = runtime({ precision: "bfloat16" });
      expect(await evaluations(narrow, loadPair)).toEqual(await evaluations(narrow, loadPair));
    });
  });

  test.each(["txt2img-ddim", "txt2img-ddim-deepcache-N3-b0"])("makes the reference's picture of %s", async (name) => {
    const golden = readFixture(`pipelines/sd15/${name}.safetensors`);
    const model = await modelFor("pipelines/sd15/model", golden);
    const recording = recordingRuntime(runtime());
    {
      await using pipeline = textToImage(model, { runtime: recording });
      expectGolden(await pipeline.generate(optionsOf(golden)), golden, recording.shown, model);
    }
    expect(recording.held).toEqual([]);
  });

  test.each(["float32", "bfloat16"] as const)(
    "keeps what holds of caches, runs and aborts in %s",
    async (precision) => {
      const golden = readFixture("pipelines/sd15/txt2img-ddim-deepcache-N3-b0.safetensors");
      const recording = recordingRuntime(runtime({ precision }));
      {
        await using pipeline = textToImage(await modelFor("pipelines/sd15/model", golden), { runtime: recording });
        const options = { ...optionsOf(golden), steps: 4 };
        const latents = async (cache: typeof options.cache) => (await pipeline.generate({ ...options, cache })).latents;
        const uncached = await latents({ kind: "uniform", interval: 1, branch: 0 });
        const cached = await latents({ kind: "uniform", interval: 2, branch: 0 });
        expect(cached).not.toEqual(uncached);
        const abort = new AbortController();
        const begun = pipeline.stream({ ...options, signal: abort.signal });
        await expect(async () => {
          for await (const { type } of begun) if (type === "evaluation") abort.abort(new Error("enough"));
        }).rejects.toThrow("enough");
        expect(await latents({ kind: "uniform", interval: 2, branch: 0 })).toEqual(cached);
        expect(await latents({ kind: "off" })).toEqual(uncached);
      }
      expect(recording.held).toEqual([]);
    },
    180_000, // every pipeline compiles its networks
  );
});
