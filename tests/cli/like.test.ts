import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { formatParameters, parseParameters } from "../../src/image/parameters.ts";
import { decodePng, encodePng } from "../../src/image/png.ts";
import { plainImage, type RgbImage } from "../../src/image/rgb-image.ts";
import { runCli } from "../support/cli.ts";
import { fixturePath } from "../support/fixtures.ts";

const MODEL = ["--model", fixturePath("pipelines/sd15/model")];
const LDM = [
  ...["--model", fixturePath("original/ldm/model.ckpt")],
  ...["--config", fixturePath("original/ldm/config.yaml")],
];
const folder = mkdtempSync(join(tmpdir(), "deepcache-like-"));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

let runs = 0;

/** Makes pictures, without a word but the paths and the summary; gives the first. */
async function made(...args: string[]): Promise<{ path: string; image: RgbImage; settings: object; prompt: string }> {
  const run = await runCli("generate", ...args, "-o", at(`${++runs}.png`), "--json");
  expect(run).toMatchObject({ code: 0, stderr: "" });
  const { path = "" } = run.json<{ images: { path: string }[] }>().images[0] ?? {};
  const { image, text } = decodePng(readFileSync(path));
  return { path, image, ...parseParameters(text["parameters"] ?? "") };
}

describe("--like", () => {
  test("makes a picture again bit for bit, and another one where a flag says so", async () => {
    const first = await made(
      ...["a fox, red: and teal", ...MODEL, "-n", "an owl", "--steps", "5", "--sampler", "ddim", "--seed", "3"],
      ...["--guidance-scale", "6", "--guidance-rescale", "0.5", "--clip-skip", "1", "--eta", "0.5"],
      ...["-W", "72", "-H", "64", "--interval", "2", "--branch", "1"],
    );
    const again = await made("--like", first.path, ...MODEL);
    expect(again).toEqual({ ...first, path: again.path });
    const other = await made("--like", first.path, ...MODEL, "--seed", "4");
    expect(other.settings).toEqual({ ...first.settings, Seed: "4" });
    expect(other.image.data).not.toEqual(first.image.data);
    const uncached = await made("a dog", "--like", first.path, ...MODEL, "--no-cache");
    expect(uncached.prompt).toBe("a dog");
    expect(uncached.settings).not.toHaveProperty("DeepCache");
  });

  test("repeats lists of timesteps and noise levels, and takes steps in their place", async () => {
    const listed = ["--sampler", "euler", "--seed", "3", "-W", "64", "-H", "64"];
    for (const list of [
      ["--timesteps", "900,500.5,100"],
      ["--sigmas", "ays"],
    ]) {
      const first = await made("a fox", ...MODEL, ...listed, ...list);
      expect((await made("--like", first.path, ...MODEL)).image).toEqual(first.image);
    }
    const first = await made("a fox", ...MODEL, ...listed, "--timesteps", "900,500.5,100");
    expect(first.settings).toMatchObject({ Steps: "3", Timesteps: "900,500.5,100" });
    const other = await made("--like", first.path, ...MODEL, "--steps", "2");
    expect(other.settings).toMatchObject({ Steps: "2" });
    expect(other.settings).not.toHaveProperty("Timesteps");
    const shorter = await made("--like", first.path, ...MODEL, "--timesteps", "700,20");
    expect(shorter.settings).toMatchObject({ Steps: "2", Timesteps: "700,20" });
  });

  test("repeats what SDXL was told of sizes", async () => {
    const model = ["--model", fixturePath("pipelines/sdxl/model")];
    const sizes = [
      ...["--original-size", "100x200", "--crops-coords-top-left", "3,4", "--target-size", "50x60"],
      ...["--negative-original-size", "10x20", "--negative-crops-coords-top-left", "30,-40"],
      ...["--negative-target-size", "500x600"],
    ];
    const first = await made("a fox", ...model, "-W", "64", "-H", "64", "--steps", "2", "--seed", "3", ...sizes);
    expect(first.settings).toMatchObject({ "Negative crops coords top left": "30,-40", "Target size": "50x60" });
    expect((await made("--like", first.path, ...model)).image).toEqual(first.image);
    const other = await made("--like", first.path, ...model, "--negative-target-size", "9x9");
    expect(other.image).not.toEqual(first.image);
  });

  test("reads JPEG and WebP as well", async () => {
    const first = await made("a fox", ...MODEL, "--steps", "2", "--seed", "3");
    for (const name of [at("fox.jpg"), at("fox.webp")]) {
      await runCli("generate", "a fox", ...MODEL, "--steps", "2", "--seed", "3", "-o", name);
      expect((await made("--like", name, ...MODEL)).image).toEqual(first.image);
    }
  });

  test("makes a whole batch from one generator for one picture of it", async () => {
    const batch = ["a fox", "an owl", ...MODEL, "--count", "2", "--steps", "2", "--seed", "3", "--one-generator"];
    await runCli("generate", ...batch, "-o", at("batch-{index}.png"));
    const third = decodePng(readFileSync(at("batch-3.png")));
    const again = await made("--like", at("batch-3.png"), ...MODEL);
    expect(again.image).toEqual(third.image);
    expect(again.prompt).toBe("an owl");
    for (const args of [["a dog"], ["--count", "1"], ["--batch", "1"], ["--seed", "1,2"]]) {
      const run = await runCli("generate", "--like", at("batch-3.png"), ...args, ...MODEL);
      expect(run).toMatchObject({ code: 2, stderr: expect.stringContaining("image 3 of 4 from one generator") });
    }
  });

  test("repeats pictures of classes", async () => {
    const first = await made(...LDM, "--class", "goldfish", "--steps", "4", "--seed", "3");
    expect((await made("--like", first.path, ...LDM)).image).toEqual(first.image);
  });

  test("takes the picture that a picture was made from by --image", async () => {
    writeFileSync(at("start.png"), encodePng(plainImage(64, 64, 90)));
    const image = ["--image", at("start.png")];
    const first = await made("a fox", ...MODEL, ...image, "--steps", "4", "--strength", "0.5", "--seed", "1");
    expect((await made("--like", first.path, ...MODEL, ...image)).image).toEqual(first.image);
    const run = await runCli("generate", "--like", first.path, ...MODEL);
    expect(run).toMatchObject({ code: 2, stderr: expect.stringContaining("without --image") });
  });

  test("warns where the picture names another model", async () => {
    const settings = { Steps: 2, Sampler: "ddim", Seed: 1, Model: "other" };
    const text = formatParameters({ prompt: "a fox", settings });
    writeFileSync(at("other.png"), encodePng(plainImage(8, 8), { parameters: text }));
    const run = await runCli("generate", "--like", at("other.png"), ...MODEL, "-o", at("not-other.png"));
    expect(run).toMatchObject({ code: 0, stderr: expect.stringContaining('model "other", this one is "model"') });
  });

  test("warns of what the picture says that is not repeated, and of nothing that this program writes", async () => {
    const foreign = { "Hires upscale": 2, Tiling: "True", RNG: "NV", Version: "v1.9", "Model hash": "0a" };
    const text = formatParameters({ prompt: "a fox", settings: { Steps: 2, Sampler: "ddim", Seed: 1, ...foreign } });
    writeFileSync(at("foreign.png"), encodePng(plainImage(8, 8), { parameters: text }));
    const run = await runCli("generate", "--like", at("foreign.png"), ...MODEL, "-o", at("not-foreign.png"));
    const warning = `"${at("foreign.png")}" was made with what is not repeated: Hires upscale: 2, Tiling: True, RNG: NV\n`;
    expect(run).toMatchObject({ code: 0, stderr: expect.stringContaining(warning) });
  });

  test.each([
    [{ Steps: 2, Sampler: "ddim", Size: "1e9x1e9" }, 'its "Size" is "1e9x1e9", WIDTHxHEIGHT is required'],
    [{ Steps: 2, Sampler: "Magic", Seed: 1 }, 'its sampler "Magic" is none of ours, give --sampler'],
    [{ Steps: "two", Sampler: "ddim", Seed: 1 }, 'its "Steps" is "two", a number is required'],
    [{ Steps: 2, Sampler: "ddim", "Batch size": 2, "Batch pos": 2 }, "image 2 of 2, counted from 0"],
    [{ Steps: 2, Sampler: "ddim", Precision: "int4" }, 'in the precision "int4", give --precision: one of float32'],
    [{ Steps: 2, Sampler: "ddim", "Lora 0": "a.pt:x" }, "with its LoRAs, give --lora"],
    [{ Steps: 2, Sampler: "ddim", "Embedding 0": "toy" }, "with its embeddings, give --embedding"],
    [
      { Steps: 2, Sampler: "ddim", "ControlNet 0": "Module: none, Weight: abc" },
      'its "Weight" of "ControlNet 0" is "abc"',
    ],
    [undefined, "it does not say how it was made"],
  ])("refuses a picture with %j", async (settings, message) => {
    const text = settings && { parameters: formatParameters({ prompt: "a fox", settings }) };
    writeFileSync(at("refused.png"), encodePng(plainImage(8, 8), text));
    const run = await runCli("generate", "--like", at("refused.png"), ...MODEL);
    expect(run).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining(message) });
  });
});
