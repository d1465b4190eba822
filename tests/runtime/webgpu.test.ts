import type { InferenceSession as OrtSession } from "onnxruntime-common";
import { afterEach, describe, expect, test, vi } from "vitest";
import { openComponent } from "../../src/checkpoint/folder/component.ts";
import { cut } from "../../src/deepcache/cut.ts";
import { separatePrelude } from "../../src/deepcache/prelude.ts";
import { type CutSessions, cachedDenoiser, loadCut, loadPair } from "../../src/denoisers/cached.ts";
import { autoencoderDecoder, autoencoderKlConfig } from "../../src/models/autoencoder/autoencoder-kl.ts";
import { clipTextConfig, clipTextModel } from "../../src/models/clip/clip-text.ts";
import { type Graph, graphBuilder } from "../../src/onnx/graph.ts";
import { add } from "../../src/onnx/ops.ts";
import type { GenerationResult } from "../../src/pipelines/run/events.ts";
import { textToImage } from "../../src/pipelines/text-to-image/text-to-image.ts";
import type { TextToImageOptions } from "../../src/pipelines/text-to-image/text-to-image-options.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import { onnxRuntime } from "../../src/runtime/node/onnxruntime.ts";
import type { DeviceTensor, Runtime } from "../../src/runtime/runtime.ts";
import { type Tensor, tensor } from "../../src/tensor/tensor.ts";
import { openNetwork } from "../denoisers/networks.ts";
import { expectGolden, modelFor, optionsOf, recordingRuntime } from "../pipelines/golden-run.ts";
import { PIPELINE_LATENTS, WEBGPU_CALL } from "../support/assertions/tolerances.ts";
import { type FixtureFile, fixturePath, readFixture } from "../support/fixtures.ts";
import { randomTensor } from "../support/random-tensor.ts";
import { countingRuntime } from "../support/runtimes/counting-runtime.ts";
import { VULKAN_DRIVER } from "../support/runtimes/vulkan.ts";
import { SLOW } from "../support/slow.ts";

const { InferenceSession } = onnxRuntime();

afterEach(() => void vi.restoreAllMocks());

// SwiftShader compiles every shader anew: small networks, few of them.
interface Options {
  readonly extra?: { readonly session: Readonly<Record<string, string>> };
}

/** CLIP as Stable Diffusion has it, and OpenCLIP with its pooled output as SDXL has it. */
async function textEncoders(): Promise<Readonly<Record<string, Graph>>> {
  const graphs = ["clip-text-sd15", "clip-text-sd21", "clip-text-proj"].map(async (name) => {
    const { config, configPath, weights } = await openComponent(fixturePath(`models/${name}`));
    return [name, clipTextModel(clipTextConfig(config, configPath), { batch: 1, length: 16 }, weights)] as const;
  });
  return Object.fromEntries(await Promise.all(graphs));
}

describe.skipIf(VULKAN_DRIVER === undefined)('nodeRuntime({ device: "webgpu" })', () => {
  const webgpu = nodeRuntime({ device: "webgpu", threads: 1 });
  /** On the thread of the tests, which can watch what it asks of ONNX Runtime. */
  const watched = nodeRuntime({ device: "webgpu", threads: 1, thread: "caller" });
  const cpu = nodeRuntime();

  test("says that it is WebGPU, and that results need not be copied", () => {
    expect(webgpu).toMatchObject({ device: "webgpu", copies: false });
  });

  test("keeps the results that are asked for on the device, feeds and downloads them", async () => {
    const builder = graphBuilder("doubling");
    const x = builder.input("x", "F32", [3]);
    const twice = add(x, x);
    const graph = builder.finish({ twice, fourfold: add(twice, twice) });
    const create = vi.spyOn(InferenceSession, "create");
    await using session = await watched.load(graph, { keep: ["twice"] });
    expect(create.mock.lastCall?.[1]).toMatchObject({
      preferredOutputLocation: { twice: "gpu-buffer", fourfold: "cpu" },
    });
    const first = await session.run({ x: tensor(Float32Array.of(1, 2, 3), [3]) });
    using kept = first["twice"] as DeviceTensor;
    const second = await session.run({ x: kept });
    expect((await first["fourfold"]?.download())?.data).toEqual(Float32Array.of(4, 8, 12));
    expect((await second["fourfold"]?.download())?.data).toEqual(Float32Array.of(8, 16, 24));
    const loaded = create.mock.calls.length;
    expect(await kept.download()).toEqual(tensor(Float32Array.of(2, 4, 6), [3]));
    expect(create, "a graph of its own reads it back").toHaveBeenCalledTimes(loaded + 1);
    kept[Symbol.dispose]();
    await expect(session.run({ x: kept })).rejects.toThrow("an input has been freed");
    await expect(kept.download()).rejects.toThrow("freed");
    second["twice"]?.[Symbol.dispose]();
  });

  test("keeps results on the device in a thread of its own, too", async () => {
    const builder = graphBuilder("doubling");
    const x = builder.input("x", "F32", [3]);
    const twice = add(x, x);
    await using session = await webgpu.load(builder.finish({ twice, fourfold: add(twice, twice) }), {
      keep: ["twice"],
    });
    using kept = (await session.run({ x: tensor(Float32Array.of(1, 2, 3), [3]) }))["twice"] as DeviceTensor;
    using again = (await session.run({ x: kept }))["twice"] as DeviceTensor;
    expect(await again.download()).toEqual(tensor(Float32Array.of(4, 8, 12), [3]));
    expect(await kept.download()).toEqual(tensor(Float32Array.of(2, 4, 6), [3]));
  });

  test("refuses a result of the CPU's runtime", async () => {
    const builder = graphBuilder("doubling");
    const x = builder.input("x", "F32", [3]);
    const graph = builder.finish({ y: add(x, x) });
    await using there = await cpu.load(graph);
    await using here = await webgpu.load(graph);
    using y = (await there.run({ x: tensor(Float32Array.of(1, 2, 3), [3]) }))["y"] as DeviceTensor;
    await expect(here.run({ x: y })).rejects.toThrow("an input has been freed or belongs to another runtime");
  });

  describe("on a cut U-Net", async () => {
    const { network, sample, timestep, conditioning } = await openNetwork("unet-sdxl");
    const parts = cut(network, 1);

    /** A full evaluation and a cached one. */
    async function evaluations(sessions: CutSessions, ran: () => void = () => {}): Promise<Tensor[]> {
      using denoiser = cachedDenoiser(sessions, { isFull: (index) => index === 0 }, { conditioning, now: () => 0 });
      const predictions: Tensor[] = [];
      for (const [i, input] of [sample, randomTensor(sample.shape, 1)].entries()) {
        predictions.push(await denoiser.predict(input, timestep - 7 * i));
        ran();
      }
      return predictions;
    }

    test.each([
      ["three parts", loadCut],
      ["a pair of graphs", loadPair],
    ] as const)("predicts what the CPU does from %s, and reads nothing back but predictions", async (_, load) => {
      const counting = countingRuntime(webgpu);
      await using reference = await load(cpu, parts);
      const expected = await evaluations(reference);
      {
        await using sessions = await load(counting, parts);
        const kept: number[] = [];
        const actual = await evaluations(sessions, () => kept.push(counting.tensors));
        actual.forEach((prediction, i) => {
          expect(prediction, `evaluation ${i}`).toBeCloseTensor(expected[i] as Tensor, WEBGPU_CALL);
        });
        expect(kept, "what the trunk gave").toEqual([kept[1], kept[0]]);
        expect(counting.downloads).toBe(2);
      }
      expect([counting.sessions, counting.tensors]).toEqual([0, 0]);
    });
  });

  describe("leaves no operation to the CPU", async () => {
    const { network } = await openNetwork("unet-sdxl");
    const { prelude, network: rest } = separatePrelude(network);
    const { config, weights } = await openComponent(fixturePath("models/vae-kl"));
    const decoder = autoencoderDecoder(autoencoderKlConfig(config), { batch: 1, height: 8, width: 8 }, weights);
    const { full, cached, head, trunk, tail } = cut(rest, 1);
    const graphs = { prelude, full, cached, head, trunk, tail, decoder, ...(await textEncoders()) };

    test.each(Object.entries(graphs))("of the %s", async (_, graph) => {
      const create = InferenceSession.create.bind(InferenceSession) as (
        model: Uint8Array,
        options: OrtSession.SessionOptions,
      ) => Promise<OrtSession>;
      vi.spyOn(InferenceSession, "create").mockImplementation(((model: Uint8Array, options: Options) => {
        const session = { ...options.extra?.session, disable_cpu_ep_fallback: "1" };
        return create(model, { ...options, extra: { session } });
      }) as typeof InferenceSession.create);
      await (await watched.load(graph as Graph))[Symbol.asyncDispose]();
    });
  });

  test("decodes latents as the CPU does", async () => {
    const { config, weights } = await openComponent(fixturePath("models/vae-kl"));
    const graph = autoencoderDecoder(autoencoderKlConfig(config), { batch: 1, height: 8, width: 8 }, weights);
    const latent = randomTensor([...(graph.inputs.get("latent")?.shape ?? [])], 3);
    const decode = async (runtime: Runtime): Promise<Tensor> => {
      await using session = await runtime.load(graph);
      const { image } = await session.run({ latent });
      return (await image?.download()) as Tensor;
    };
    expect(await decode(webgpu)).toBeCloseTensor(await decode(cpu), WEBGPU_CALL);
  });

  /** What a run of `golden`'s options makes, and what it kept on the device once it is over. */
  async function run(golden: FixtureFile, runtime: Runtime, changes: Partial<TextToImageOptions> = {}) {
    const model = await modelFor("pipelines/sd15/model", golden);
    const recording = recordingRuntime(runtime);
    await using pipeline = textToImage(model, { runtime: recording });
    const result = await pipeline.generate({ ...optionsOf(golden), ...changes });
    return { result, recording, model };
  }

  // With or without a cache they take a minute or more each on a driver in software.
  test.runIf(SLOW).each(["txt2img-ddim", "txt2img-ddim-deepcache-N3-b0"])(
    "makes the reference's picture of %s",
    async (name) => {
      const golden = readFixture(`pipelines/sd15/${name}.safetensors`);
      const { result, recording, model } = await run(golden, webgpu);
      expectGolden(result, golden, recording.shown, model);
      expect(recording.held).toEqual([]);
    },
    180_000,
  );

  test("makes the picture that the CPU makes, with full and cached evaluations", async () => {
    const golden = readFixture("pipelines/sd15/txt2img-ddim-deepcache-N3-b0.safetensors");
    const few = { steps: 3, guidanceScale: 1, cache: { kind: "uniform", interval: 2, branch: 0 } } as const;
    const { result, recording } = await run(golden, webgpu, few);
    const { result: expected } = await run(golden, cpu, few);
    expect(recording.held).toEqual([]);
    expect(result.full).toEqual([0, 2]);
    expect(result.latents).toBeCloseTensor(expected.latents, PIPELINE_LATENTS);
    const levels = ({ images }: GenerationResult): number[] => images.flatMap(({ data }) => [...data]);
    const made = levels(result);
    const apart = levels(expected).map((level, i) => Math.abs(level - made[i]!));
    expect(apart).toHaveLength(64 * 64 * 3);
    expect(Math.max(...apart), "levels of a pixel").toBeLessThanOrEqual(1);
  }, 180_000);
});
