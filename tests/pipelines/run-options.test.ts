import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { fileSource } from "../../src/checkpoint/bytes/byte-sources/file.ts";
import { readCheckpoint } from "../../src/checkpoint/read-checkpoint.ts";
import { schedulerConfigAs } from "../../src/diffusion/scheduler-config.ts";
import { textToImage } from "../../src/pipelines/text-to-image/text-to-image.ts";
import type { TextToImageOptions } from "../../src/pipelines/text-to-image/text-to-image-options.ts";
import { unconditional } from "../../src/pipelines/unconditional/unconditional.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import { openStableDiffusion } from "../../src/systems/stable-diffusion.ts";
import { openUnconditional, type UnconditionalModel } from "../../src/systems/unconditional.ts";
import { temporaryCopy } from "../checkpoint/files.ts";
import { PIPELINE_LATENTS } from "../support/assertions/tolerances.ts";
import { fixturePath, readFixture, row } from "../support/fixtures.ts";
import { optionsOf } from "./golden-run.ts";
import { changeJson } from "./model-changes.ts";

const FILE = "pipelines/options.safetensors";
const golden = readFixture(FILE);
const runtime = nodeRuntime({ threads: 1 }); // the networks are tiny

describe("the reference's final latents", () => {
  const { image } = optionsOf(readFixture("pipelines/sd15/inpaint-ddim.safetensors"));
  const size = { width: 64, height: 64 };
  const text = { ...size, steps: 6, guidanceScale: 4 };
  const part = { image, steps: 8, strength: 0.55, guidanceScale: 4 };
  const listed = { ...size, guidanceScale: 4 };
  const sizes = {
    originalSize: { height: 200, width: 100 },
    cropsCoordsTopLeft: { top: 3, left: 4 },
    targetSize: { height: 60, width: 50 },
  };
  const oneNegative = {
    ...sizes,
    negativeOriginalSize: { height: 20, width: 10 },
    negativeCropsCoordsTopLeft: { top: 30, left: -40 },
  };
  const negative = { ...oneNegative, negativeTargetSize: { height: 600, width: 500 } };
  const CALLS: Readonly<Record<string, Partial<TextToImageOptions>>> = {
    "ays-timesteps": { ...listed, timesteps: "ays" },
    "ays-sigmas": { ...listed, sigmas: "ays" },
    "image-timesteps": { image, strength: 0.55, guidanceScale: 4, timesteps: "ays-sd" },
    rescaled: { ...text, guidanceRescale: 1.4 },
    "negative-rescale": { ...text, guidanceRescale: -0.5 },
    "negative-scale": { ...text, guidanceScale: -3 },
    "negative-eta": { ...text, eta: -0.4 },
    text,
    image: part,
    two: { ...text, count: 2, seed: [7, 8] },
    "xl-negative": { ...text, sizes: negative },
    "xl-one-negative": { ...text, sizes: oneNegative },
    "xl-image-negative": { ...part, sizes: negative },
    "xl-image-one-negative": { ...part, sizes: oneNegative },
    "xl-ays-timesteps": { ...listed, timesteps: "ays" },
    "xl-ays-sigmas": { ...listed, sigmas: "ays" },
  };

  test.each(golden.names.filter((name) => !/^(conv_out|learned)/.test(name)))("%s", async (name) => {
    const [call = "", sampler] = name.split("/");
    const model = await openStableDiffusion(fixturePath(`pipelines/${call.startsWith("xl") ? "sdxl" : "sd15"}/model`));
    await using pipeline = textToImage(model, { runtime });
    const { latents } = await pipeline.generate({ prompt: "a red car", seed: 7, sampler, ...CALLS[call] });
    expect(latents).toBeCloseTensor(golden.tensor(name), PIPELINE_LATENTS);
  });
});

test.each(["dpmpp-sde", "cosine-dpmpp-2m-sde"])(
  "%s gives an image of a batch as its seed gives it alone",
  async (sampler) => {
    const model = await openStableDiffusion(fixturePath("pipelines/sd15/model"));
    const seeded = {
      ...model,
      scheduler: schedulerConfigAs("DPMSolverSDEScheduler", model.scheduler, { noise_sampler_seed: 3 }),
    };
    for (const opened of [model, seeded]) {
      await using pipeline = textToImage(opened, { runtime });
      const run = { prompt: "a red car", steps: 4, width: 64, height: 64, sampler };
      const [alone, both] = [
        await pipeline.generate({ ...run, seed: 8 }),
        await pipeline.generate({ ...run, count: 2, seed: [7, 8] }),
      ];
      const second = { ...row(both.latents, 1), shape: alone.latents.shape };
      expect(second).toBeCloseTensor(alone.latents, PIPELINE_LATENTS);
      expect(row(both.latents, 0).data).not.toEqual(second.data);
    }
  },
);

describe("sizes that change nothing are told", () => {
  const warningsOf = async (folder: string, options: Partial<TextToImageOptions>): Promise<string[]> => {
    await using pipeline = textToImage(await openStableDiffusion(fixturePath(folder)), { runtime });
    const warnings: string[] = [];
    const run = { prompt: "a red car", seed: 7, width: 64, height: 64, steps: 1, ...options };
    for await (const event of pipeline.stream(run)) if (event.type === "warning") warnings.push(event.message);
    return warnings;
  };

  test("of one negative size alone", async () => {
    const sizes = { negativeTargetSize: { width: 9, height: 9 } };
    expect(await warningsOf("pipelines/sdxl/model", { sizes })).toEqual([
      expect.stringMatching(/^Negative sizes change nothing unless both/),
    ]);
  });

  test("by models that are not told of sizes", async () => {
    const sizes = { originalSize: { width: 9, height: 9 } };
    expect(await warningsOf("pipelines/sd15/model", { sizes })).toEqual([
      "Sizes change nothing: only models of the kind of SDXL are told of them",
    ]);
  });
});

describe("a network that predicts its variance", () => {
  /** The stored model with the output layer of the stored runs. */
  async function learnedModel(variance_type = "learned_range"): Promise<UnconditionalModel> {
    const folder = temporaryCopy(fixturePath("pipelines/ddpm/model"));
    changeJson(join(folder, "scheduler", "scheduler_config.json"), { variance_type });
    changeJson(join(folder, "unet", "config.json"), { out_channels: 6 });
    const file = join(folder, "unet", "options.safetensors");
    copyFileSync(fixturePath(FILE), file);
    const { unet, ...model } = await openUnconditional(folder);
    const stored = (await readCheckpoint(await fileSource(file))).weights;
    const output = ["conv_out.weight", "conv_out.bias"].map((key) => [key, stored.get(key)!] as const);
    return { ...model, unet: { ...unet, weights: new Map([...unet.weights, ...output]) } };
  }

  test.each(["ddpm", "dpmpp-2m"])("gives the reference's samples with %s", async (sampler) => {
    await using pipeline = unconditional(await learnedModel(), { runtime });
    const { latents, images } = await pipeline.generate({ count: 2, steps: 12, seed: 7, sampler });
    expect(latents).toBeCloseTensor(golden.tensor(`learned/${sampler}`), PIPELINE_LATENTS);
    expect(images).toHaveLength(2);
  });

  test("is refused to samplers that have no use for it", async () => {
    await using pipeline = unconditional(await learnedModel(), { runtime });
    await expect(pipeline.generate({ sampler: "ddim" })).rejects.toThrow(
      "Cannot sample with ddim: the model's network predicts a variance beside the noise",
    );
  });

  test("is refused where the scheduler takes none, and is missed where it takes one", async () => {
    await expect(learnedModel("fixed_small")).rejects.toThrow("it turns 3 channels into 6, the 3 or the 1 of an image");
    const folder = temporaryCopy(fixturePath("pipelines/ddpm/model"));
    changeJson(join(folder, "scheduler", "scheduler_config.json"), { variance_type: "learned" });
    await expect(openUnconditional(folder)).rejects.toThrow("as many for the variance, which its DDPMScheduler takes");
  });
});
