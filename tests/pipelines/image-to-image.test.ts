import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { textToImage } from "../../src/pipelines/text-to-image.ts";
import { fixturePath, readFixture } from "../support/fixtures.ts";
import { expectGolden, modelFor, optionsOf, recordingRuntime } from "./golden-run.ts";
import { openComponent } from "../../src/checkpoint/component.ts";
import { unetConfig } from "../../src/models/unet-config.ts";
import type { StableDiffusionModel } from "../../src/pipelines/stable-diffusion-model.ts";

const FOLDER = "pipelines/sd15/model";
const casesOf = (prefix: string): string[] =>
  readdirSync(fixturePath("pipelines/sd15")).filter((name) => name.startsWith(prefix));

async function inpaintingModel(model: StableDiffusionModel): Promise<StableDiffusionModel> {
  const { config, weights } = await openComponent(fixturePath("models/unet-inpaint9"));
  return { ...model, unet: { config: unetConfig(config), weights } };
}

test.each([...casesOf("img2img-"), ...casesOf("inpaint")])("%s", async (file) => {
  const golden = readFixture(`pipelines/sd15/${file}`);
  const runtime = recordingRuntime();
  const stored = await modelFor(FOLDER, golden);
  const model = file.startsWith("inpaint9") ? await inpaintingModel(stored) : stored;
  await using pipeline = textToImage(model, { runtime });
  const result = await pipeline.generate(optionsOf(golden));
  expectGolden(result, golden, runtime.shown, model);
});
