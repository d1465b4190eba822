import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { fileSource } from "../../src/checkpoint/bytes/byte-sources/file.ts";
import { readCheckpoint } from "../../src/checkpoint/read-checkpoint.ts";
import { guidanceEmbedding } from "../../src/pipelines/text-to-image/guidance-embedding.ts";
import { textToImage } from "../../src/pipelines/text-to-image/text-to-image.ts";
import type { TextToImageOptions } from "../../src/pipelines/text-to-image/text-to-image-options.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import { openModel } from "../../src/systems/open-model.ts";
import { openStableDiffusion, type StableDiffusionModel } from "../../src/systems/stable-diffusion.ts";
import { temporaryCopy } from "../checkpoint/files.ts";
import { PIPELINE_LATENTS } from "../support/assertions/tolerances.ts";
import { fixturePath, readFixture } from "../support/fixtures.ts";
import { optionsOf } from "./golden-run.ts";
import { changeJson } from "./model-changes.ts";

const FOLDER = fixturePath("pipelines/sd15/model");
const FILE = "pipelines/distilled.safetensors";
const golden = readFixture(FILE);
const PROJECTION = "time_embedding.cond_proj.weight";

/** The stored model, its U-Net with the projection of the guidance that the stored runs had. */
async function distilled(): Promise<StableDiffusionModel> {
  const folder = temporaryCopy(FOLDER);
  const file = join(folder, "unet", "projection.safetensors");
  copyFileSync(fixturePath(FILE), file);
  const projection = (await readCheckpoint(await fileSource(file))).weights.get(PROJECTION);
  if (projection === undefined) throw new Error(`no ${PROJECTION}`);
  changeJson(join(folder, "unet", "config.json"), { time_cond_proj_dim: projection.shape[1] });
  const { unet, ...model } = await openStableDiffusion(folder);
  return { ...model, unet: { ...unet, weights: new Map([...unet.weights, [PROJECTION, projection]]) } };
}

describe("a U-Net into which guidance was distilled", () => {
  const base = { prompt: "a red car", negativePrompt: "text", seed: 7 };
  const fromText = { ...base, width: 64, height: 64, steps: 6 };
  const { image } = optionsOf(readFixture("pipelines/sd15/img2img-ddim.safetensors"));
  const CALLS: Readonly<Record<string, TextToImageOptions>> = {
    "text-4/lcm": { ...fromText, guidanceScale: 4 },
    "text-8.5/lcm": { ...fromText, guidanceScale: 8.5 },
    "text-1/ddim": { ...fromText, guidanceScale: 1 },
    "two-8.5/ddim": { ...fromText, guidanceScale: 8.5, count: 2 },
    "image-8.5/ddim": { ...base, image, steps: 8, strength: 0.55, guidanceScale: 8.5 },
  };

  test.each(Object.entries(CALLS))("gives the reference's latents: %s", async (name, options) => {
    await using pipeline = textToImage(await distilled(), { runtime: nodeRuntime({ threads: 1 }) });
    const run = { ...options, sampler: name.split("/")[1] };
    const { latents, macs } = await pipeline.generate(run);
    expect(latents).toBeCloseTensor(golden.tensor(name), PIPELINE_LATENTS);
    const cached = await pipeline.generate({ ...run, cache: { kind: "uniform", interval: 1, branch: 1 } });
    expect(cached.latents).toBeCloseTensor(golden.tensor(name), PIPELINE_LATENTS);
    const ordinary = await openStableDiffusion(FOLDER);
    await using guided = textToImage(ordinary, { runtime: nodeRuntime({ threads: 1 }) });
    const twice = (options.guidanceScale ?? 0) > 1 ? 2 : 1;
    expect((await guided.generate(run)).macs.full / macs.full).toBeCloseTo(twice, 1);
  });

  test("opens as a latent consistency model", async () => {
    const folder = temporaryCopy(FOLDER);
    changeJson(join(folder, "model_index.json"), { _class_name: "LatentConsistencyModelPipeline" });
    expect((await openModel({ path: folder, tokenizer: folder })).kind).toBe("text-to-image");
  });
});

test("a U-Net of classes is refused for prompts when it is opened", async () => {
  const folder = temporaryCopy(FOLDER);
  changeJson(join(folder, "unet", "config.json"), { num_class_embeds: 10 });
  await expect(openStableDiffusion(folder)).rejects.toThrow(
    `Cannot use "${folder}": its U-Net takes one of 10 classes, which no prompt names`,
  );
});

test("guidance is told in waves, sines before cosines, an odd one being zero", () => {
  const { data, shape } = guidanceEmbedding(1.002, 5, 2);
  expect(shape).toEqual([2, 5]);
  const angle = 2;
  const row = [Math.sin(angle), Math.sin(angle / 10000), Math.cos(angle), Math.cos(angle / 10000), 0];
  for (const [i, value] of [...row, ...row].entries()) expect(data[i]).toBeCloseTo(value, 4);
});
