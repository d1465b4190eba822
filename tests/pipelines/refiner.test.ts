import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeSafetensors } from "../../src/checkpoint/safetensors/write-safetensors.ts";
import { rgbImage } from "../../src/image/rgb-image.ts";
import { ARCHITECTURES } from "../../src/models/architectures.ts";
import { autoencoderKlConfig } from "../../src/models/autoencoder/autoencoder-kl.ts";
import { unet } from "../../src/models/unet/unet.ts";
import { describeSingleFile } from "../../src/originals/stable-diffusion/single-file.ts";
import type { PipelineEvent } from "../../src/pipelines/run/events.ts";
import { textToImage } from "../../src/pipelines/text-to-image/text-to-image.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import { openModel } from "../../src/systems/open-model.ts";
import { refinerOfFile } from "../../src/systems/parts/refiner.ts";
import { withAdapters } from "../../src/systems/parts/with-adapters.ts";
import { defaultTokenizerFolder } from "../../src/systems/shipped.ts";
import type { StableDiffusionModel } from "../../src/systems/stable-diffusion.ts";
import { imaginedFile, publishedFile } from "../originals/original-names.ts";
import { ADAPTED_LATENTS } from "../support/assertions/tolerances.ts";
import { fixturePath, readFixture } from "../support/fixtures.ts";
import { recordingRuntime } from "./golden-run.ts";

const root = mkdtempSync(join(tmpdir(), "deepcache-refiner-"));
const REFINER = join(root, "refiner");
beforeAll(() => {
  cpSync(fixturePath("adapters/sdxl/refiner"), REFINER, { recursive: true });
  for (const name of ["text_encoder_2", "tokenizer_2"]) {
    cpSync(fixturePath(`pipelines/sdxl/model/${name}`), join(REFINER, name), { recursive: true });
  }
});
afterAll(() => rmSync(root, { recursive: true }));

async function opened(base = "sdxl", refiner = REFINER): Promise<StableDiffusionModel> {
  const model = await openModel({ path: fixturePath(`pipelines/${base}/model`), tokenizer: "", refiner });
  if (model.kind !== "text-to-image") throw new Error("The fixture is a text-to-image model");
  return model.model;
}

const CALL = {
  prompt: "a photo of an astronaut riding a horse on mars",
  negativePrompt: "blurry, low quality",
  ...{ steps: 10, seed: 11, guidanceScale: 5, width: 64, height: 64 },
};
const golden = readFixture("adapters/sdxl/refined.safetensors");
const { data, shape } = readFixture("adapters/sdxl/control.safetensors").tensor("image.1");
const start = rgbImage(shape[1] ?? 0, shape[0] ?? 0, Uint8Array.from(data));

describe("a run that a refiner ends", () => {
  test.each([
    ["euler", {}],
    ["early", { refinerStart: 0.5 }],
    ["heun", { refinerStart: 0.75, sampler: "heun" }],
    ["plain", { negativePrompt: undefined }],
    ["image", { image: start, strength: 0.9 }],
  ])("ends where the reference ends: %s", async (name, options) => {
    await using pipeline = textToImage(await opened(), { runtime: nodeRuntime() });
    const { latents } = await pipeline.generate({ ...CALL, ...options }, { latentsOnly: true });
    expect(latents).toBeCloseTensor(golden.tensor(name), ADAPTED_LATENTS);
  });

  test("counts the evaluations of both, and begins the refiner's with a full one", async () => {
    await using pipeline = textToImage(await opened(), { runtime: nodeRuntime() });
    const events: PipelineEvent[] = [];
    for await (const event of pipeline.stream({ ...CALL, cache: "uniform:3:1" })) events.push(event);
    const told = events.flatMap((event) => (event.type === "evaluation" ? [event] : []));
    expect(told.map(({ evaluation }) => evaluation)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(told.flatMap(({ full, evaluation }) => (full ? [evaluation] : []))).toEqual([0, 3, 6, 8, 9]);
    const [result] = events.flatMap((event) => (event.type === "result" ? [event.result] : []));
    expect(result).toMatchObject({ evaluations: 10, full: [0, 3, 6, 8, 9], parts: { trunk: { runs: 5 } } });
    expect((await pipeline.plan({ ...CALL, cache: "uniform:3:1" })).full).toEqual([0, 3, 6, 8, 9]);
  });

  test("gives the same latents where networks are released as soon as they can be", async () => {
    await using kept = textToImage(await opened(), { runtime: nodeRuntime() });
    await using released = textToImage(await opened(), { runtime: nodeRuntime(), keepLoaded: false });
    const run = (pipeline: typeof kept) => pipeline.generate(CALL, { latentsOnly: true });
    const [first, again, other] = [await run(kept), await run(kept), await run(released)];
    expect(again.latents).toEqual(first.latents);
    expect(other.latents).toEqual(first.latents);
  });

  test.each([
    [{ refinerStart: 1 }, "Cannot refine from 1 of the schedule: a number above 0 and below 1 is required"],
    [
      { refinerStart: 0.999 },
      "Cannot refine from 0.999 of the schedule: that leaves 10 evaluations to the model and 0 to the refiner",
    ],
    [{ image: start, mask: start }, "Cannot refine a picture that is painted anew in places"],
  ])("refuses %o", async (options, message) => {
    await using pipeline = textToImage(await opened(), { runtime: nodeRuntime() });
    await expect(pipeline.generate({ ...CALL, ...options })).rejects.toThrow(message);
  });
});

describe("openModel() with a refiner", () => {
  test("refuses what is none, and what is for another model", async () => {
    await expect(opened("sdxl", fixturePath("pipelines/sdxl/model"))).rejects.toThrow(
      /^Cannot refine what ".*" makes by ".*": it is no SDXL refiner, whose first text encoder is missing/,
    );
    await expect(opened("sd15")).rejects.toThrow(
      /^Cannot refine what ".*sd15.model" makes by ".*": the model is no SDXL base$/,
    );
    const narrow = join(root, "narrow");
    cpSync(REFINER, narrow, { recursive: true });
    const path = join(narrow, "unet/config.json");
    writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, "utf8")), cross_attention_dim: 20 }));
    await expect(opened("sdxl", narrow)).rejects.toThrow(
      /its U-Net takes prompts of width 20, its text encoder gives 12$/,
    );
  });
});

describe("a refiner's file in the original names", () => {
  const tensors = [...publishedFile("sdxl").weights].flatMap(([name, { shape }]) => {
    if (name.startsWith("conditioner.embedders.0.")) return [];
    const renamed = name.replace("conditioner.embedders.1.", "conditioner.embedders.0.");
    if (/attn2\.to_[kv]\.weight$/.test(name)) return [[renamed, [shape[0] ?? 0, 1280]] as const];
    return [[renamed, name.endsWith("label_emb.0.0.weight") ? [shape[0] ?? 0, 2560] : shape] as const];
  });
  const base = { name: "base", vae: autoencoderKlConfig(ARCHITECTURES["stable-diffusion-xl"].vae), isBase: true };
  const tokenizer = defaultTokenizerFolder();

  test("is told from a base model's, and read by the one text encoder that it has", async () => {
    const file = describeSingleFile(imaginedFile(tensors), "fine.safetensors");
    expect(file.kind).toBe("sdxl-refiner");
    const refiner = await refinerOfFile(file, "fine.safetensors", base, tokenizer);
    expect(refiner.name).toBe("fine");
    expect(refiner.unet.config).toMatchObject({ contextWidth: 1280, addition: { inputWidth: 2560, numbers: 5 } });
    expect(refiner.text).toMatchObject({ textEncoder: { config: { width: 1280, projection: 1280 } } });
    expect(refiner.text.tokenizer.pad).toBe(0);
    expect(() => unet(refiner.unet.config, { batch: 1, height: 8, width: 8 }, refiner.unet.weights)).not.toThrow();
  });

  test("is refused where it is a base model's", async () => {
    const file = describeSingleFile(publishedFile("sdxl"), "base.safetensors");
    await expect(refinerOfFile(file, "base.safetensors", base, tokenizer)).rejects.toThrow(
      'Cannot refine what "base" makes by "base.safetensors": it is no SDXL refiner',
    );
  });
});

test("a branch that the model does not have is refused before anything is encoded", async () => {
  const runtime = recordingRuntime();
  await using pipeline = textToImage(await opened(), { runtime });
  await expect(pipeline.generate({ ...CALL, cache: "uniform:3:99" })).rejects.toThrow(
    "Cannot cut at branch 99: this network has branches 0 to 8",
  );
  expect(runtime.loaded).toEqual([]);
});

test("a refiner reads weights in prompts, and words with vectors of their own, as the base does", async () => {
  const model = await opened();
  const file = join(root, "style.safetensors");
  await writeSafetensors(file, {
    clip_l: { data: new Float32Array(8).fill(0.5), shape: [1, 8] },
    clip_g: { data: new Float32Array(12).fill(0.5), shape: [1, 12] },
  });
  const { model: adapted } = await withAdapters(model, { embeddings: { mystyle: file } });
  const { vocabularySize } = model.refiner?.text.textEncoder.config ?? { vocabularySize: 0 };
  expect(adapted.refiner?.text.tokenizer.encode("mystyle").ids).toContain(vocabularySize);
  expect(adapted.refiner?.text.added).toEqual(adapted.second?.added);

  await using pipeline = textToImage(model, { runtime: nodeRuntime() });
  const latentsOf = async (prompt: string, promptWeights: boolean) =>
    (await pipeline.generate({ ...CALL, steps: 4, refinerStart: 0.3, prompt, promptWeights }, { latentsOnly: true }))
      .latents;
  const plain = await latentsOf("a red fox", false);
  expect(await latentsOf("a red fox", true)).toEqual(plain);
  expect(await latentsOf("a (red:1.4) fox", true)).not.toEqual(plain);
});
