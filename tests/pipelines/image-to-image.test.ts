import { readdirSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import type { CachePolicy } from "../../src/deepcache/policies.ts";
import { schedulerConfigAs } from "../../src/diffusion/scheduler-config.ts";
import { parseParameters } from "../../src/image/parameters.ts";
import { plainImage } from "../../src/image/rgb-image.ts";
import { imageParameters } from "../../src/pipelines/image-parameters.ts";
import { type TextToImagePipeline, textToImage } from "../../src/pipelines/text-to-image/text-to-image.ts";
import type { TextToImageOptions } from "../../src/pipelines/text-to-image/text-to-image-options.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import { openStableDiffusion, type StableDiffusionModel } from "../../src/systems/stable-diffusion.ts";
import { PIPELINE_LATENTS } from "../support/assertions/tolerances.ts";
import { fixturePath, readFixture } from "../support/fixtures.ts";
import { expectGolden, modelFor, optionsOf, recordingRuntime, withInpaintingUNet } from "./golden-run.ts";

const FOLDER = "pipelines/sd15/model";
const XL_FOLDER = "pipelines/sdxl/model";
const open = (folder = FOLDER): Promise<StableDiffusionModel> => openStableDiffusion(fixturePath(folder));
/** As `open`, with what the stored runs were given: diffusers' inpainting clips latents by DDIM unless the file says no. */
async function openUnclipped(folder?: string): Promise<StableDiffusionModel> {
  const model = await open(folder);
  const { className } = model.scheduler;
  return { ...model, scheduler: schedulerConfigAs(className, model.scheduler, { clip_sample: false }) };
}

const CASES = readdirSync(fixturePath("pipelines/sd15")).filter((name) => /^(img2img|inpaint)/.test(name));
const { image, mask } = optionsOf(readFixture("pipelines/sd15/inpaint-ddim.safetensors"));
const noMask = plainImage(64, 64, 0);
const cache: CachePolicy = { kind: "uniform", interval: 3, branch: 1 };

test.each(CASES)("%s", async (file) => {
  const golden = readFixture(`pipelines/sd15/${file}`);
  const runtime = recordingRuntime();
  const stored = await modelFor(FOLDER, golden);
  const model = file.startsWith("inpaint9") ? await withInpaintingUNet(stored) : stored;
  await using pipeline = textToImage(model, { runtime });
  expectGolden(await pipeline.generate(optionsOf(golden)), golden, runtime.shown, model);
});

describe("the reference's final latents", () => {
  const golden = readFixture("pipelines/variants.safetensors");
  const part = { image, steps: 8, strength: 0.55, guidanceScale: 4, negativePrompt: "text" };
  const sizes = {
    originalSize: { height: 200, width: 100 },
    cropsCoordsTopLeft: { top: 3, left: 4 },
    targetSize: { height: 60, width: 50 },
  };
  const CALLS: Readonly<Record<string, Partial<TextToImageOptions>>> = {
    img2img: part,
    inpaint: { ...part, mask },
    "img2img-two": { ...part, guidanceScale: 1, count: 2 },
    "inpaint-two": { ...part, mask, strength: undefined, count: 2 },
    "inpaint9-two": { ...part, mask, count: 2 },
    "xl-two": { steps: 5, guidanceScale: 3, count: 2, height: 64, width: 72, sizes },
    "xl-img2img": { ...part, negativePrompt: undefined },
    "xl-inpaint": { ...part, mask, negativePrompt: undefined },
  };

  test.each(golden.names)("%s", async (name) => {
    const [call = "", sampler] = name.split("/");
    const model = await openUnclipped(call.startsWith("xl") ? XL_FOLDER : FOLDER);
    const whole = call.startsWith("inpaint9") ? await withInpaintingUNet(model) : model;
    await using pipeline = textToImage(whole, { runtime: nodeRuntime() });
    const { latents } = await pipeline.generate({ prompt: "a red car", seed: 7, sampler, ...CALLS[call] });
    expect(latents).toBeCloseTensor(golden.tensor(name), PIPELINE_LATENTS);
  });
});

describe("a pipeline", () => {
  const pipelines: TextToImagePipeline[] = [];
  afterAll(async () => {
    for (const pipeline of pipelines) await pipeline[Symbol.asyncDispose]();
  });
  const pipelineOf = async (model?: StableDiffusionModel, runtime = nodeRuntime()): Promise<TextToImagePipeline> => {
    const pipeline = textToImage(model ?? (await open()), { runtime });
    pipelines.push(pipeline);
    return pipeline;
  };
  const base: TextToImageOptions = { prompt: "a red car", steps: 8, seed: 5, sampler: "ddim", cache };
  const fromText = { ...base, width: 64, height: 64 };
  const fromImage = { ...base, image, strength: 0.6 };
  const inpainting = { ...base, image, mask, strength: 0.6 };

  test.each([FOLDER, XL_FOLDER])("of %s gives what a fresh one gives, whatever ran before", async (folder) => {
    const used = await pipelineOf(await open(folder));
    const runs = [fromText, fromImage, inpainting, fromText];
    for (const options of runs) {
      const fresh = await pipelineOf(await open(folder));
      const expected = await fresh.generate(options);
      const { latents, images } = await used.generate(options);
      expect(latents).toEqual(expected.latents);
      expect(images).toEqual(expected.images);
    }
  });

  test("keeps U-Net and decoder from run to run, and nothing else", async () => {
    const runtime = recordingRuntime();
    const pipeline = await pipelineOf(undefined, runtime);
    await pipeline.generate(fromText);
    const kept = runtime.held.toSorted();
    expect(runtime.loaded.filter((name) => !kept.includes(name))).toEqual(["clip_text"]);
    const before = runtime.loaded.length;
    await pipeline.generate(inpainting);
    expect(runtime.loaded.slice(before)).toEqual(["clip_text", "autoencoder_encoder"]);
    expect(runtime.held.toSorted()).toEqual(kept);
    await pipeline[Symbol.asyncDispose]();
    expect(runtime.held).toEqual([]);
  });

  test.each([
    [8, "ddim", 0.6, 4, [0, 3]],
    [8, "ddim", 1, 8, [0, 3, 6]],
    [8, "ddim", 0.125, 1, [0]],
    [8, "pndm", 0.6, 5, [0, 3]],
    [8, "heun", 0.6, 7, [0, 3, 6]],
    [50, "ddim", 0.58, 28, [0, 3, 6, 9, 12, 15, 18, 21, 24, 27]], // 50 · 0.58 is below 29 in float64
  ] as const)(
    "of %d steps with %s at strength %d evaluates %d times",
    async (steps, sampler, strength, count, full) => {
      const pipeline = await pipelineOf();
      const result = await pipeline.generate({ ...base, image, steps, sampler, strength });
      expect(result).toMatchObject({ evaluations: count, full, steps });
    },
  );

  test("plans an image's run from its own first evaluation", async () => {
    const pipeline = await pipelineOf();
    const steps: CachePolicy = { kind: "listed", full: [0, 4], branch: 0 };
    await expect(pipeline.generate({ ...fromImage, cache: steps })).rejects.toThrow("4 evaluations, 0 to 3");
  });

  test("gives an image the size of the one it starts from", async () => {
    const pipeline = await pipelineOf();
    const { images } = await pipeline.generate({ ...base, image: plainImage(72, 40), strength: 0.3 });
    expect(images[0]).toMatchObject({ width: 72, height: 40 });
  });

  test("leaves the latents of what is not masked as the image has them", async () => {
    const pipeline = await pipelineOf(await openUnclipped());
    const [first, other] = [
      await pipeline.generate({ ...inpainting, mask: noMask, prompt: "a red car" }),
      await pipeline.generate({ ...inpainting, mask: noMask, prompt: "a lake" }),
    ];
    expect(first.latents).toEqual(other.latents);
    const everywhere = await pipeline.generate({ ...inpainting, mask: plainImage(64, 64) });
    expect(everywhere.latents).toEqual((await pipeline.generate(fromImage)).latents);
  });

  test("shows an inpainting U-Net the mask and what it leaves", async () => {
    const runtime = recordingRuntime();
    const pipeline = await pipelineOf(await withInpaintingUNet(await open()), runtime);
    await pipeline.generate({ ...inpainting, strength: 1 });
    const planes = runtime.shown.map(({ data }) => data.subarray(4 * 64, 9 * 64));
    expect(runtime.shown[0]?.shape).toEqual([2, 9, 8, 8]);
    expect(new Set(planes[0]?.subarray(0, 64))).toEqual(new Set([0, 1]));
    for (const plane of planes) expect(plane).toEqual(planes[0]);
  });

  test("tells previews and evaluations of an image's run from 0", async () => {
    const pipeline = await pipelineOf();
    const told: string[] = [];
    for await (const event of pipeline.stream({ ...inpainting, previewEvery: 3 })) {
      if (event.type === "evaluation") told.push(`${event.evaluation} of ${event.evaluations}`);
      if (event.type === "preview") told.push(`preview ${event.evaluation}`);
    }
    expect(told).toEqual(["0 of 4", "1 of 4", "2 of 4", "preview 2", "3 of 4"]);
  });

  test("writes the strength and the guidance that a run had into its images", async () => {
    const xl = await pipelineOf(await open(XL_FOLDER));
    const settingsOf = async (options: TextToImageOptions) => {
      const text =
        imageParameters({ ...options, prompts: ["x"] }, await xl.generate(options), 0, "tiny")["parameters"] ?? "";
      return parseParameters(text).settings;
    };
    expect(await settingsOf(fromText)).not.toHaveProperty("Denoising strength");
    expect(await settingsOf({ ...fromImage, strength: undefined })).toMatchObject({
      "Denoising strength": "0.3",
      "CFG scale": "5",
      Size: "64x64",
    });
    expect(await settingsOf({ ...inpainting, strength: undefined })).toMatchObject({
      "Denoising strength": "0.9999",
      "CFG scale": "7.5",
    });
  });

  test.each([
    [{ strength: 0 }, "strength 0: a number above 0 and up to 1"],
    [{ strength: 1.01 }, "strength 1.01: a number above 0 and up to 1"],
    [{ strength: Number.NaN }, "strength NaN: a number above 0 and up to 1"],
    [{ strength: 0.12 }, "strength 0.12 in 8 steps: that leaves no step"],
    [{ image: undefined }, "with a mask but no image"],
    [{ image: undefined, mask: undefined }, "with a strength but no image"],
    [{ width: 72 }, "an image of 64x64 pixels: 72x64 is required"],
    [{ image: plainImage(60, 64) }, "width 60: a positive multiple of 8"],
    [{ mask: plainImage(64, 72) }, "a mask of 64x72 pixels: 64x64 is required"],
  ] satisfies [Partial<TextToImageOptions>, string][])("refuses %o", async (change, message) => {
    const pipeline = await pipelineOf();
    await expect(pipeline.generate({ ...inpainting, ...change })).rejects.toThrow(message);
  });

  test("with an inpainting U-Net refuses anything else", async () => {
    const pipeline = await pipelineOf(await withInpaintingUNet(await open()));
    await expect(pipeline.generate(fromText)).rejects.toThrow("an image and a mask");
    await expect(pipeline.generate(fromImage)).rejects.toThrow("an image and a mask");
  });
});
