import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { conditionerOf } from "../../src/pipelines/text-to-image/conditioner-of.ts";
import { settleSizes } from "../../src/pipelines/text-to-image/picture-sizes.ts";
import type { TextRequest } from "../../src/pipelines/text-to-image/text-conditioner.ts";
import { textToImage } from "../../src/pipelines/text-to-image/text-to-image.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import { openStableDiffusion } from "../../src/systems/stable-diffusion.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { NETWORK_CALL } from "../support/assertions/tolerances.ts";
import { fixturePath, readFixture, readJson, row } from "../support/fixtures.ts";
import { expectGolden, modelFor, optionsOf, recordingRuntime } from "./golden-run.ts";

const FOLDER = "pipelines/sdxl/model";
const CASES = readdirSync(fixturePath("pipelines/sdxl")).filter((name) => name.endsWith(".safetensors"));

test.each(CASES)("%s", async (file) => {
  const golden = readFixture(`pipelines/sdxl/${file}`);
  const runtime = recordingRuntime();
  const model = await modelFor(FOLDER, golden);
  await using pipeline = textToImage(model, { runtime });
  const result = await pipeline.generate(optionsOf(golden));
  expectGolden(result, golden, runtime.shown, model);
  expect(result.sampler).toBe("euler");
});

describe("the pair of text encoders", () => {
  const golden = readFixture("pipelines/sdxl/txt2img-euler.safetensors");
  const { prompt, negativePrompt } = optionsOf(golden) as { prompt: string; negativePrompt: string };
  const request: TextRequest = {
    prompts: [prompt],
    negativePrompts: [negativePrompt],
    guided: true,
    clipSkip: 0,
    promptWeights: false,
    sizes: settleSizes({}, { width: 64, height: 48 }, "text"),
  };
  const condition = async (change: Partial<TextRequest> = {}) => {
    const model = await openStableDiffusion(fixturePath(FOLDER));
    const { conditioning } = await conditionerOf(model).condition(nodeRuntime(), { ...request, ...change });
    return conditioning as Record<"encoder_hidden_states" | "text_embeds" | "time_ids", Tensor>;
  };
  const only = (tensor: Tensor, index: number): Tensor => ({
    ...row(tensor, index),
    shape: [1, ...tensor.shape.slice(1)],
  });

  test("gives the reference's embeddings, negative ones first", async () => {
    const { encoder_hidden_states: context, text_embeds: pooled } = await condition();
    expect(only(context, 0)).toBeCloseTensor(golden.tensor("negative_prompt_embeds"), NETWORK_CALL);
    expect(only(context, 1)).toBeCloseTensor(golden.tensor("prompt_embeds"), NETWORK_CALL);
    expect(only(pooled, 0)).toBeCloseTensor(golden.tensor("negative_pooled_prompt_embeds"), NETWORK_CALL);
    expect(only(pooled, 1)).toBeCloseTensor(golden.tensor("pooled_prompt_embeds"), NETWORK_CALL);
  });

  test("pads for the second encoder with its own token", async () => {
    const { second } = await openStableDiffusion(fixturePath(FOLDER));
    expect(second?.tokenizer.encode(prompt).ids).toEqual([...golden.tensor("prompt_ids_2").data]);
  });

  test("takes a negative prompt that is not given for zeros, an empty one for a text", async () => {
    const missing = await condition({ negativePrompts: undefined });
    expect(missing.encoder_hidden_states.shape).toEqual([2, 77, 20]);
    expect(row(missing.encoder_hidden_states, 0).data.every((value) => value === 0)).toBe(true);
    expect(row(missing.text_embeds, 0).data.every((value) => value === 0)).toBe(true);
    expect(only(missing.encoder_hidden_states, 1)).toBeCloseTensor(golden.tensor("prompt_embeds"), NETWORK_CALL);
    const empty = await condition({ negativePrompts: [""] });
    expect(row(empty.encoder_hidden_states, 0).data.some((value) => value !== 0)).toBe(true);
  });

  test("skips layers for the prompt alone", async () => {
    const [all, fewer] = [await condition(), await condition({ clipSkip: 1 })];
    expect(row(fewer.encoder_hidden_states, 0).data).toEqual(row(all.encoder_hidden_states, 0).data);
    expect(row(fewer.encoder_hidden_states, 1).data).not.toEqual(row(all.encoder_hidden_states, 1).data);
    expect(fewer.text_embeds).toBeCloseTensor(all.text_embeds, NETWORK_CALL); // in a batch of another size
  });

  test("tells the picture's sizes, height first", async () => {
    const { time_ids } = await condition({ guided: false });
    expect(time_ids).toEqual({ shape: [1, 6], data: Float32Array.of(48, 64, 0, 0, 48, 64) });
    const asked = {
      originalSize: { width: 100, height: 200 },
      cropsCoordsTopLeft: { top: 3, left: 4 },
      targetSize: { width: 50, height: 60 },
    };
    const sizes = settleSizes(asked, { width: 64, height: 48 }, "text");
    const row = [200, 100, 3, 4, 60, 50];
    expect((await condition({ sizes })).time_ids.data).toEqual(Float32Array.of(...row, ...row));
  });
});

describe("openStableDiffusion()", () => {
  const folders: string[] = [];
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
  });
  /** The stored SDXL model with changes to its index and, by name, the folders of other models in place of its own. */
  function changed(index: object, parts: Readonly<Record<string, string>> = {}): string {
    const folder = mkdtempSync(join(tmpdir(), "deepcache-"));
    folders.push(folder);
    const stored = readJson(`${FOLDER}/model_index.json`) as object;
    writeFileSync(join(folder, "model_index.json"), JSON.stringify({ ...stored, ...index }));
    for (const part of readdirSync(fixturePath(FOLDER)).filter((name) => !name.endsWith(".json"))) {
      symlinkSync(fixturePath(parts[part] ?? `${FOLDER}/${part}`), join(folder, part));
    }
    return folder;
  }
  const SD = "pipelines/sd15/model";

  test.each(["StableDiffusionXLImg2ImgPipeline", "StableDiffusionXLInpaintPipeline"])(
    "opens a %s",
    async (_class_name) => {
      expect((await openStableDiffusion(changed({ _class_name }))).second).toBeDefined();
    },
  );

  test("takes from the index whether a missing negative prompt is zeros", async () => {
    const { second } = await openStableDiffusion(changed({ force_zeros_for_empty_prompt: false }));
    expect(second?.zeroMissingPrompt).toBe(false);
    await expect(openStableDiffusion(changed({ force_zeros_for_empty_prompt: "yes" }))).rejects.toThrow(
      "true or false",
    );
  });

  test.each([
    ["another pipeline", { _class_name: "KandinskyPipeline" }, {}, "it is a KandinskyPipeline, one of Stable"],
    ["a refiner", { text_encoder: [null, null] }, {}, "it is an SDXL refiner, which ends the runs of a base model"],
    [
      "what is told of beauty",
      { requires_aesthetics_score: true },
      {},
      "it is an SDXL refiner, which ends the runs of a base model",
    ],
    ["one text encoder for two", { _class_name: "StableDiffusionPipeline" }, {}, "width 20, its text encoder gives 8"],
    ["another model's U-Net", {}, { unet: `${SD}/unet` }, "width 16, its text encoder gives 20"],
    ["another model's encoder", {}, { text_encoder: `${SD}/text_encoder` }, "width 20, its text encoder gives 28"],
  ])("refuses %s", async (_what, index, parts, message) => {
    await expect(openStableDiffusion(changed(index, parts))).rejects.toThrow(message);
  });
});
