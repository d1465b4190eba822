import { describe, expect, test } from "vitest";
import { plainImage } from "../../src/image/rgb-image.ts";
import { classConditional } from "../../src/pipelines/class-conditional/class-conditional.ts";
import type { GenerationResult } from "../../src/pipelines/run/events.ts";
import { seededNoise } from "../../src/pipelines/run/seeded-noise.ts";
import { textToImage } from "../../src/pipelines/text-to-image/text-to-image.ts";
import { unconditional } from "../../src/pipelines/unconditional/unconditional.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import { openLatentDiffusion } from "../../src/systems/latent-diffusion.ts";
import { openStableDiffusion } from "../../src/systems/stable-diffusion.ts";
import { openUnconditional } from "../../src/systems/unconditional.ts";
import { torchGenerator } from "../../src/tensor/torch-generator.ts";
import { PIPELINE_LATENTS } from "../support/assertions/tolerances.ts";
import { fixturePath, row } from "../support/fixtures.ts";
import { withInpaintingUNet } from "./golden-run.ts";

const runtime = nodeRuntime();
const SEEDS = [7, 0];
type Run = (images: readonly number[], seed: readonly number[] | number) => Promise<GenerationResult>;

const KINDS: Readonly<Record<string, () => Promise<Run>>> = {
  "text to image": async () => {
    const pipeline = textToImage(await openStableDiffusion(fixturePath("pipelines/sd15/model")), { runtime });
    const prompts = ["a fox", "an owl at night"];
    return (images, seed) =>
      // An ancestral sampler draws noise on the way, too.
      pipeline.generate({ prompt: images.map((i) => prompts[i] ?? ""), seed, steps: 4, sampler: "euler-a" });
  },
  "image to image": async () => {
    const pipeline = textToImage(await openStableDiffusion(fixturePath("pipelines/sd15/model")), { runtime });
    const options = { image: plainImage(64, 64, 90), strength: 0.6, steps: 5, sampler: "euler-a" };
    return (images, seed) => pipeline.generate({ ...options, prompt: images.map(() => "a fox"), seed });
  },
  inpainting: async () => {
    const pipeline = textToImage(await openStableDiffusion(fixturePath("pipelines/sd15/model")), { runtime });
    const options = { image: plainImage(64, 64, 90), mask: plainImage(64, 64), strength: 0.6, steps: 5 };
    return (images, seed) => pipeline.generate({ ...options, prompt: images.map(() => "a fox"), seed });
  },
  "inpainting with a U-Net for it": async () => {
    const model = await withInpaintingUNet(await openStableDiffusion(fixturePath("pipelines/sd15/model")));
    const pipeline = textToImage(model, { runtime });
    const options = { image: plainImage(64, 64, 90), mask: plainImage(64, 64), strength: 0.6, steps: 5 };
    return (images, seed) => pipeline.generate({ ...options, prompt: images.map(() => "a fox"), seed });
  },
  "images of classes": async () => {
    const folder = fixturePath("original/ldm");
    const model = await openLatentDiffusion(`${folder}/model.ckpt`, `${folder}/config.yaml`);
    const pipeline = classConditional(model, { runtime });
    return (images, seed) => pipeline.generate({ classes: images.map((i) => 3 + i), seed, steps: 4, eta: 1 });
  },
  "unconditional images": async () => {
    const pipeline = unconditional(await openUnconditional(fixturePath("pipelines/ddpm/model")), { runtime });
    return (images, seed) => pipeline.generate({ count: images.length, seed, steps: 4 });
  },
};

describe.each(Object.entries(KINDS))("%s with a seed for each image", (_, open) => {
  test("equal those made one by one", async () => {
    const run = await open();
    const together = await run([0, 1], SEEDS);
    expect(together).toMatchObject({ seed: 7, seeds: SEEDS });
    for (const [i, seed] of SEEDS.entries()) {
      const alone = await run([i], seed);
      expect(row(together.latents, i)).toBeCloseTensor(row(alone.latents, 0), PIPELINE_LATENTS);
      expect(alone).not.toHaveProperty("seeds");
    }
  });

  test("refuse another number of seeds, and what is no seed", async () => {
    const run = await open();
    await expect(run([0, 1], [1])).rejects.toThrow(
      "Cannot generate 2 images from 1 seeds: one for each image is required",
    );
    await expect(run([0, 1], [1, -1])).rejects.toThrow("Cannot generate with seed -1");
  });
});

describe("seededNoise()", () => {
  test("draws what each generator draws alone", () => {
    const noise = seededNoise([5, 6])([2, 3, 4]);
    expect(noise.shape).toEqual([2, 3, 4]);
    expect(row(noise, 1).data).toEqual(torchGenerator(6).randn([1, 3, 4]).data);
  });

  test("refuses shapes of another number of images", () => {
    expect(() => seededNoise([5, 6])([1, 3])).toThrow("Cannot draw noise of shape [1,3] from 2 seeds");
  });
});
