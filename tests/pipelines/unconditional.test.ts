import { copyFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CachePolicy } from "../../src/deepcache/policies.ts";
import { readSchedulerConfig } from "../../src/diffusion/scheduler-config.ts";
import type { PipelineEvent } from "../../src/pipelines/run/events.ts";
import { type UnconditionalPipeline, unconditional } from "../../src/pipelines/unconditional/unconditional.ts";
import type { UnconditionalOptions } from "../../src/pipelines/unconditional/unconditional-options.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import { openUnconditional } from "../../src/systems/unconditional.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { temporaryFolder } from "../checkpoint/files.ts";
import { PIPELINE_LATENTS } from "../support/assertions/tolerances.ts";
import { fixturePath, readFixture, readJson, row } from "../support/fixtures.ts";

const FOLDER = fixturePath("pipelines/ddpm/model");
const DDIM = readSchedulerConfig(readJson("pipelines/ddpm/model-ddim/scheduler/scheduler_config.json"));
const runtime = nodeRuntime({ threads: 1 }); // the networks are tiny

describe.each([
  { name: "ddpm", scheduler: undefined, options: {} },
  { name: "ddim", scheduler: DDIM, options: { eta: 0 } },
  { name: "ddim-eta1-clipped", scheduler: DDIM, options: { eta: 1, useClippedModelOutput: true } },
])("diffusers' $name", ({ name, scheduler, options }) => {
  const golden = readFixture(`pipelines/ddpm/${name}.safetensors`);

  test("is given image by image", async () => {
    const model = await openUnconditional(FOLDER);
    await using pipeline = unconditional({ ...model, ...(scheduler && { scheduler }) }, { runtime });
    const steps = Number(golden.metadata["num_inference_steps"]);
    const { latents, images } = await pipeline.generate({ count: 2, steps, seed: 5, ...options });
    expect(pixels(latents)).toBeCloseTensor(golden.tensor("image.float"), PIPELINE_LATENTS);
    const expected = golden.tensor("image.uint8");
    images.forEach(({ data }, i) => {
      const worst = row(expected, i).data.reduce((most, level, j) => Math.max(most, Math.abs(level - data[j]!)), 0);
      expect(worst).toBeLessThanOrEqual(1);
    });
  });
});

test("a DDPM model asked for DDIM gives what the DDIM pipeline gives", async () => {
  const golden = readFixture("pipelines/ddpm/ddim.safetensors");
  await using pipeline = unconditional(await openUnconditional(FOLDER), { runtime });
  const { latents, sampler } = await pipeline.generate({ count: 2, steps: 12, seed: 5, sampler: "ddim" });
  expect(sampler).toBe("ddim");
  expect(pixels(latents)).toBeCloseTensor(golden.tensor("image.float"), PIPELINE_LATENTS);
});

describe("a model folder", () => {
  const files = { unet: "unet/config.json", scheduler: "scheduler/scheduler_config.json" };
  const text = (name: string): string => readFileSync(join(FOLDER, name), "utf8");
  const weights = "diffusion_pytorch_model.safetensors";

  /** The layout of google/ddpm-*. */
  function flatFolder(changes: Readonly<Record<string, string>> = {}): string {
    const folder = temporaryFolder({
      "model_index.json": text("model_index.json"),
      "config.json": text(files.unet),
      "scheduler_config.json": text(files.scheduler),
      ...changes,
    });
    copyFileSync(join(FOLDER, "unet", weights), join(folder, weights));
    return folder;
  }

  test("is opened in the flat layout of the first DDPM repositories", async () => {
    const nested = await openUnconditional(FOLDER);
    const flat = await openUnconditional(flatFolder());
    expect(flat.unet.config).toEqual(nested.unet.config);
    expect({ ...flat, path: FOLDER, unet: undefined }).toEqual({ ...nested, unet: undefined });
    await using pipeline = unconditional(flat, { runtime });
    await using other = unconditional(nested, { runtime });
    const options = { steps: 3, seed: 2 };
    expect((await pipeline.generate(options)).latents).toEqual((await other.generate(options)).latents);
  });

  test("is a DDIM pipeline where its index says so, whatever its scheduler", async () => {
    const model = await openUnconditional(
      flatFolder({ "model_index.json": text("model_index.json").replace("DDPMPipeline", "DDIMPipeline") }),
    );
    expect(model.scheduler.className).toBe("DDIMScheduler");
    expect(model.steps).toBe(50);
  });

  test.each([
    [{ "model_index.json": '{"_class_name": "StableDiffusionPipeline"}' }, "it is a StableDiffusionPipeline, one of"],
    [{ "config.json": text(files.unet).replace('"sample_size": 16', '"sample_size": null') }, "it has no sample_size"],
    [{ "config.json": text(files.unet).replace('"in_channels": 3', '"in_channels": 4') }, "it turns 4 channels into 3"],
    [
      { "config.json": text(files.unet).replace('"num_class_embeds": null', '"num_class_embeds": 10') },
      "it takes one of 10 classes",
    ],
    [{ "config.json": '{"_class_name": "Transformer2DModel"}' }, '"_class_name" is "Transformer2DModel"'],
    [{ "scheduler_config.json": "{" }, "it is not JSON"],
  ])("is refused with %o", async (changes, message) => {
    await expect(openUnconditional(flatFolder(changes))).rejects.toThrow(message);
  });

  test("is refused without a scheduler", async () => {
    await expect(openUnconditional(join(FOLDER, "unet"))).rejects.toThrow(/scheduler_config\.json": there is no such/);
  });

  test("is refused where the size does not divide", async () => {
    const folder = flatFolder({ "config.json": text(files.unet).replace('"sample_size": 16', '"sample_size": 15') });
    await expect(openUnconditional(folder)).rejects.toThrow('"sample_size" is 15 where a multiple of 2 is required');
  });

  test("is refused where weights are missing", async () => {
    const folder = flatFolder({
      "config.json": text(files.unet).replace('"layers_per_block": 1', '"layers_per_block": 2'),
    });
    await using pipeline = unconditional(await openUnconditional(folder), { runtime });
    await expect(pipeline.generate({ steps: 2 })).rejects.toThrow("is missing");
  });
});

describe("a pipeline", () => {
  const base: UnconditionalOptions = { steps: 6, seed: 5, sampler: "ddim" };
  const cache: CachePolicy = { kind: "uniform", interval: 2, branch: 1 };
  let pipeline: UnconditionalPipeline;
  beforeAll(async () => {
    pipeline = unconditional(await openUnconditional(FOLDER), { runtime, randomSeed: () => 7 });
  });
  afterAll(() => pipeline[Symbol.asyncDispose]());

  test("gives the same images for the same options, whatever ran before", async () => {
    const first = await pipeline.generate({ ...base, cache });
    await pipeline.generate({ ...base, cache, seed: 6, steps: 3 });
    await pipeline.generate({ ...base, count: 2, cache: { ...cache, branch: 0 } });
    const again = await pipeline.generate({ ...base, cache });
    expect(again.latents).toEqual(first.latents);
    expect(again.images).toEqual(first.images);
    expect(again.full).toEqual([0, 2, 4]);
    expect(again.macs.total).toBe(3 * again.macs.full + 3 * again.macs.cached);
  });

  test.each([0, 1, 2, 3])("at interval 1 gives the uncached image at branch %i", async (branch) => {
    const whole = await pipeline.generate(base);
    const parted = await pipeline.generate({ ...base, cache: { kind: "uniform", interval: 1, branch } });
    expect(parted.latents).toBeCloseTensor(whole.latents, PIPELINE_LATENTS);
    expect(parted.full).toEqual(whole.full);
    expect(parted.macs.total).toBe(whole.macs.total);
  });

  test.each([2, "uniform:2", "interval=2, branch=0, mode=uniform", { kind: "uniform", interval: 2 } as const])(
    "takes the cache as %j",
    async (cache) => {
      const { policy, full } = await pipeline.generate({ ...base, cache });
      expect(policy).toEqual({ kind: "uniform", interval: 2, branch: 0 });
      expect(full).toEqual([0, 2, 4]);
    },
  );

  test("changes the image where it caches", async () => {
    const whole = await pipeline.generate(base);
    const images = [whole.latents];
    for (const branch of [0, 1, 2])
      images.push((await pipeline.generate({ ...base, cache: { ...cache, branch } })).latents);
    expect(new Set(images.map(({ data }) => data.join())).size).toBe(4);
  });

  test("takes seed 0 as a seed and draws one where none is given", async () => {
    expect((await pipeline.generate({ ...base, seed: 0 })).seed).toBe(0);
    const drawn = await pipeline.generate({ ...base, seed: undefined });
    expect(drawn.seed).toBe(7);
    expect((await pipeline.generate({ ...base, seed: 7 })).latents).toEqual(drawn.latents);
  });

  test("takes 1 step and as many as it was trained with", async () => {
    expect((await pipeline.generate({ ...base, steps: 1, cache })).full).toEqual([0]);
    const all = await pipeline.generate({ sampler: "ddpm", steps: 1000, seed: 1, cache: { ...cache, interval: 100 } });
    expect(all.evaluations).toBe(1000);
    expect(all.full).toHaveLength(10);
  });

  test("tells phases, evaluations, previews and the result in order", async () => {
    const events: PipelineEvent[] = [];
    for await (const event of pipeline.stream({ ...base, cache, previewEvery: 3 })) events.push(event);
    const told = events.map((event) => (event.type === "phase" ? event.phase : event.type));
    expect(told.filter((name) => name !== "evaluation" && name !== "preview")).toEqual([
      "encode",
      "load",
      "denoise",
      "decode",
      "result",
    ]);
    const previews = events.filter((event) => event.type === "preview");
    expect(previews.map(({ evaluation }) => evaluation)).toEqual([2, 5]);
    expect(previews[0]?.images[0]).toMatchObject({ width: 16, height: 16 });
    const evaluations = events.filter((event) => event.type === "evaluation");
    expect(evaluations.map(({ full }) => full)).toEqual([true, false, true, false, true, false]);
  });

  test("stops at an abort and works again afterwards", async () => {
    const controller = new AbortController();
    const seen: number[] = [];
    const run = async (): Promise<void> => {
      for await (const event of pipeline.stream({ ...base, cache, signal: controller.signal })) {
        if (event.type !== "evaluation") continue;
        seen.push(event.evaluation);
        controller.abort();
      }
    };
    await expect(run()).rejects.toThrow(/abort/i);
    expect(seen).toEqual([0]);
    await expect(pipeline.generate({ ...base, signal: AbortSignal.abort() })).rejects.toThrow(/abort/i);
    expect((await pipeline.generate({ ...base, cache })).evaluations).toBe(6);
  });

  test.each([
    [{ steps: 0 }, "steps 0: a whole number from 1"],
    [{ steps: 2.5 }, "steps 2.5: a whole number from 1"],
    [{ steps: 1001 }, "1001 steps: required is a whole number from 1 to 1000"],
    [{ steps: 1001, timestepSelection: "quad" }, "1001 steps: required is a whole number from 1 to 1000"],
    [{ count: 0 }, "count 0: a whole number from 1"],
    [{ seed: -1 }, "seed -1: a whole number from 0"],
    [{ previewEvery: 0 }, "preview interval 0: a whole number from 1"],
    [{ eta: Number.NaN }, "eta NaN: required is a number"],
    [{ steps: 2, timesteps: [9, 5, 1] }, "steps 2: the given timesteps or sigmas make 3"],
    [{ timesteps: [5, 9, 7, 3, 2, 1] }, "Cannot use timestep 9 after 5"],
    [{ steps: undefined, timesteps: "ays" }, 'timesteps "ays": none were computed for this kind of model'],
    [{ timesteps: "fast" }, 'Cannot sample with timesteps "fast": there are ays, ays-sd, ays-sdxl'],
    [{ timesteps: [1], sigmas: [1, 0] }, "both timesteps and sigmas"],
    [{ timesteps: [1], timestepSelection: "quad" }, "both a timestep selection and timesteps or sigmas"],
    [{ eta: 0, sampler: undefined }, "it takes no eta"],
    [{ timestepSelection: "quad", sampler: "pndm" }, "it takes no timesteps"],
    [{ sampler: "magic" }, 'No sampler is called "magic"'],
    [{ cache: { kind: "uniform", interval: 0, branch: 0 } }, "interval"],
    [{ cache: 2.5 }, "Cannot use cache interval 2.5"],
    [{ cache: "unifrom:2" }, 'did you mean "uniform"?'],
    [{ cache: { kind: "uniform", interval: 2, branch: 4 } }, "branches 0 to 3"],
    [{ cache: { kind: "uniform", interval: 2, branch: -1 } }, "branch -1"],
    [{ cache: { kind: "listed", full: [0, 9], branch: 0 } }, "6 evaluations, 0 to 5"],
  ] satisfies [UnconditionalOptions, string][])("refuses %o", async (change, message) => {
    await expect(pipeline.generate({ ...base, ...change })).rejects.toThrow(message);
  });
});

/** Samples as diffusers gives images: [batch, height, width, channels] from 0 to 1. */
function pixels({ data, shape }: Tensor): Tensor {
  const [batch = 0, channels = 0, height = 0, width = 0] = shape;
  const result = new Float32Array(data.length);
  for (let i = 0; i < result.length; i++) {
    const [image, channel] = [Math.floor(i / (channels * height * width)), Math.floor(i / (height * width)) % channels];
    const unit = Math.min(Math.max(data[i]! / 2 + 0.5, 0), 1);
    result[(image * height * width + (i % (height * width))) * channels + channel] = unit;
  }
  return { data: result, shape: [batch, height, width, channels] };
}
