import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { formatPolicy, readCache } from "../../src/deepcache/policies.ts";
import { parseParameters } from "../../src/image/parameters.ts";
import { decodePng, encodePng } from "../../src/image/png.ts";
import { plainImage, type RgbImage } from "../../src/image/rgb-image.ts";
import { classConditional } from "../../src/pipelines/class-conditional/class-conditional.ts";
import { textToImage } from "../../src/pipelines/text-to-image/text-to-image.ts";
import { unconditional } from "../../src/pipelines/unconditional/unconditional.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import { openLatentDiffusion } from "../../src/systems/latent-diffusion.ts";
import { openModel } from "../../src/systems/open-model.ts";
import { openOriginalDdpm } from "../../src/systems/unconditional.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { pickle, torchZip, uint32 } from "../checkpoint/torch-files.ts";
import { optionsOf } from "../pipelines/golden-run.ts";
import { PIPELINE_LATENTS } from "../support/assertions/tolerances.ts";
import { type CliRun, runCli } from "../support/cli.ts";
import { type FixtureFile, fixturePath, readFixture, row } from "../support/fixtures.ts";
import { squares, withSharp } from "../support/pictures.ts";

const folder = mkdtempSync(join(tmpdir(), "deepcache-systems-"));
afterAll(() => rmSync(folder, { recursive: true }));
const out = (name: string): string => join(folder, name);

/** The stored model, whose scheduler's file says what its stored runs were given: latents are not clipped. */
function unclippedModel(): string {
  const path = join(folder, "sd15");
  cpSync(fixturePath("pipelines/sd15/model"), path, { recursive: true });
  const file = join(path, "scheduler", "scheduler_config.json");
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, "utf8")), clip_sample: false }));
  return path;
}

const SD = ["--model", unclippedModel()];
const SDXL = ["--model", fixturePath("pipelines/sdxl/model")];
const LDM = [
  ...["--model", fixturePath("original/ldm/model.ckpt")],
  ...["--config", fixturePath("original/ldm/config.yaml")],
];
const DDPM = ["--model", fixturePath("pipelines/ddpm/model")];
const ORIGINAL_DDPM = [
  ...["--model", fixturePath("original/ddpm-cifar/ckpt.pth")],
  ...["--config", fixturePath("original/ddpm-cifar/config.yml")],
];

interface Report {
  readonly images: readonly { readonly path: string; readonly width: number; readonly height: number }[];
  readonly sampler: string;
  readonly full: readonly number[];
  readonly evaluations: number;
  readonly policy: object;
  readonly macs: { readonly full: number; readonly total: number; readonly uncached: number };
}

interface Made {
  readonly report: Report;
  readonly latents: Tensor;
  /** The picture that was written; of several files the first. */
  readonly image: RgbImage;
  readonly settings: Readonly<Record<string, string | number>>;
  readonly prompt: string;
}

let runs = 0;

/** Runs `generate`, which must succeed without a word on stderr, and reads what it wrote. */
async function generate(...args: string[]): Promise<Made> {
  const name = out(`run-${++runs}`);
  const latentsPath = `${name}.safetensors`;
  const run = await runCli("generate", ...args, "--output", `${name}.png`, "--latents-output", latentsPath, "--json");
  expect(run.stderr).toBe("");
  expect(run.code).toBe(0);
  const report = run.json<Report>();
  const { image, text } = decodePng(readFileSync(report.images[0]?.path ?? ""));
  const { prompt, settings } = parseParameters(text["parameters"] ?? "");
  return { report, latents: readFixture(latentsPath).tensor("latents"), image, prompt, settings };
}

/** Runs a command that must refuse with one sentence and write nothing. */
async function refused(...args: string[]): Promise<CliRun> {
  const output = out(`refused-${++runs}.png`);
  const run = await runCli(...args, "--output", output);
  expect(run.stdout).toBe("");
  expect(run.stderr.trim().split("\n")).toHaveLength(1);
  expect(readdirSync(folder).filter((name) => name.startsWith("refused"))).toEqual([]);
  return run;
}

function write(name: string, content: string | Uint8Array): string {
  writeFileSync(out(name), content);
  return out(name);
}

/** The largest difference of a level of a pixel. */
function worstLevel({ data }: RgbImage, expected: Tensor): number {
  expect(data).toHaveLength(expected.data.length);
  return expected.data.reduce((most, level, i) => Math.max(most, Math.abs(level - (data[i] ?? 0))), 0);
}

/** Part of a picture. */
function crop({ data, width }: RgbImage, left: number, top: number, size: number): number[] {
  return Array.from({ length: size }, (_, y) => [
    ...data.subarray(3 * ((top + y) * width + left), 3 * ((top + y) * width + left + size)),
  ]).flat();
}

describe("a latent diffusion model with classes", () => {
  const base = [...LDM, "--guidance-scale", "1.5", "--sampler", "ddim", "--steps", "20", "--seed", "3"];

  test("gives what the pipeline gives, as one picture", async () => {
    const { report, latents, image, settings } = await generate(
      ...[...base, "--class", "3,7", "--count", "2", "--interval", "5", "--one-generator"],
    );
    expect(report).toMatchObject({
      model: "model",
      sampler: "ddim",
      steps: 20,
      evaluations: 20,
      full: [0, 5, 10, 15],
      policy: { kind: "uniform", interval: 5, branch: 0 },
      parts: { head: { runs: 20 }, trunk: { runs: 4 }, tail: { runs: 20 } },
    });
    expect(report.images).toHaveLength(4);
    expect(new Set(report.images.map(({ path }) => path)).size).toBe(1);
    expect(settings).toMatchObject({ Steps: "20", Sampler: "ddim", "CFG scale": "1.5", Seed: "3" });
    const model = await openLatentDiffusion(fixturePath("original/ldm/model.ckpt"), LDM[3] ?? "");
    await using pipeline = classConditional(model, { runtime: nodeRuntime() });
    const cache = { kind: "uniform", interval: 5, branch: 0 } as const;
    const expected = await pipeline.generate({ classes: [3, 7], count: 2, steps: 20, seed: 3, cache });
    expect(latents).toEqual(expected.latents);
    // Two rows of two pictures of 48 pixels below their labels.
    expect(image.width).toBeGreaterThanOrEqual(8 + 2 * (48 + 8));
    expect(image.height).toBeGreaterThan(8 + 2 * (48 + 8));
    const bottom = image.height - 8 - 48;
    for (const [column, left] of [8, 64].entries()) {
      expect(crop(image, left, bottom, 48)).toEqual([...(expected.images[2 + column]?.data ?? [])]);
    }
  });

  test("names classes and writes one image without a grid", async () => {
    const named = await generate(...base, "--class", "goldfish");
    const numbered = await generate(...base, "--class", "1");
    expect(named.latents).toEqual(numbered.latents);
    expect(named.image).toMatchObject({ width: 48, height: 48 });
    expect(named.prompt).toBe("class 1, goldfish");
  });

  test("takes the model's class for none, whatever ImageNet calls that number", async () => {
    const { prompt, latents } = await generate(...base, "--class", "10");
    expect(prompt).toBe("class 10, none");
    expect(latents).toBeCloseTensor(
      (await generate(...base.slice(0, 4), ...base.slice(6), "--class", "10", "--guidance-scale", "1")).latents,
      PIPELINE_LATENTS,
    );
  });

  test("plans as the original script with --quadratic", async () => {
    const { report, settings } = await generate(
      ...[...base, "--class", "1", "--interval", "5", "--quadratic", "--power", "1.5"],
    );
    const plans = JSON.parse(readFixture("original/ldm/samples.safetensors").metadata["slow_steps"] ?? "");
    expect(report.full).toEqual(plans["n5-pow1.5"]);
    expect(report.policy).toEqual({ kind: "quadratic", interval: 5, power: 1.5, branch: 0 });
    expect(settings["DeepCache"]).toContain("quadratic");
    const byDefault = await generate(...base, "--class", "1", "--interval", "5", "--quadratic");
    expect(byDefault.report.full).toEqual(report.full);
  });

  test("runs half the operations without guidance, and guides by 1.5 unless told otherwise", async () => {
    const steps = ["--steps", "4", "--seed", "3", "--class", "2"];
    const guided = await generate(...LDM, ...steps, "--guidance-scale", "1.5");
    const alone = await generate(...LDM, ...steps, "--guidance-scale", "1");
    expect(guided.report.macs.full / alone.report.macs.full).toBeCloseTo(1.99741, 5);
    expect((await generate(...LDM, ...steps)).latents).toEqual(guided.latents);
  });

  test.each([
    [["--class", "flying carpet"], 2, 'Cannot find an ImageNet class called "flying carpet"'],
    [["--class", "crane"], 2, 'Cannot tell which ImageNet class "crane" is: it names 134'],
    [["--class", ""], 2, "Cannot find an ImageNet class"],
    [["--class", "-1"], 2, "Cannot use ImageNet class -1"],
    [["--class", "11"], 2, "class 11: a whole number from 0 to 10 is required"],
    [["--class", "1500"], 2, "class 1500: a whole number from 0 to 10 is required"],
    [["--class", "golden retriever"], 2, "class 207: a whole number from 0 to 10 is required"],
    [[], 2, "Cannot run without a class"],
    [["--class", "1", "--sampler", "euler"], 2, "--sampler euler with this model: one of ddim, plms is required"],
    [["--class", "1", "--prompt", "a dog"], 2, "Cannot use --prompt with this model: it is for class-to-image"],
    [["--class", "1", "--strength", "0.5"], 2, "Cannot use --strength with this model"],
    [["--class", "1", "--interval", "2", "--branch", "4"], 2, "branches 0 to 3"],
    [["--class", "1", "--steps", "300"], 2, "possible are 250 and 334"],
  ])("refuses %j", async (args, code, message) => {
    const steps = args.includes("--steps") ? [] : ["--steps", "2"];
    const run = await refused("generate", ...LDM, ...args, ...steps);
    expect(run.stderr).toContain(message);
    expect(run.code).toBe(code);
  });
});

describe("a model of pixels without a condition", () => {
  /** A folder with DDIM's index and scheduler, and the U-Net that both have. */
  const ddimFolder = (): string => {
    const model = out("model-ddim");
    if (!existsSync(model)) {
      cpSync(fixturePath("pipelines/ddpm/model-ddim"), model, { recursive: true });
      symlinkSync(fixturePath("pipelines/ddpm/model/unet"), join(model, "unet"));
    }
    return model;
  };

  test.each(["ddpm", "ddim"])("gives the images of diffusers' %s, side by side", async (name) => {
    const golden = readFixture(`pipelines/ddpm/${name}.safetensors`);
    const model = name === "ddpm" ? DDPM : ["--model", ddimFolder()];
    const steps = ["--steps", golden.metadata["num_inference_steps"] ?? "", "--seed", golden.metadata["seed"] ?? ""];
    const { report, latents, image } = await generate(...model, "--count", "2", "--one-generator", ...steps);
    expect(report).toMatchObject({ sampler: name, evaluations: 12, policy: { kind: "off" } });
    expect(pixelsOf(latents)).toBeCloseTensor(golden.tensor("image.float"), PIPELINE_LATENTS);
    expect(image).toMatchObject({ width: 8 + 2 * (16 + 8), height: 8 + 16 + 8 });
    const expected = golden.tensor("image.uint8");
    for (const [i, left] of [8, 32].entries()) {
      const data = Uint8Array.from(crop(image, left, 8, 16));
      expect(worstLevel({ width: 16, height: 16, data }, row(expected, i))).toBeLessThanOrEqual(1);
    }
  });

  test("writes four images as a square, or each by itself", async () => {
    const args = [...DDPM, "--count", "4", "--steps", "2", "--seed", "0"];
    const together = await generate(...args);
    expect(together.image).toMatchObject({ width: 56, height: 56 });
    const apart = await generate(...args, "--no-grid");
    expect(apart.report.images.map(({ path }) => path.slice(-6))).toEqual(["-1.png", "-2.png", "-3.png", "-4.png"]);
    expect([...apart.image.data]).toEqual(crop(together.image, 8, 8, 16));
  });

  test("samples the original code's checkpoint with its own timesteps, branch and interval", async () => {
    const args = [...ORIGINAL_DDPM, "--steps", "20", "--seed", "5", "--timestep-selection", "quad"];
    const { report, latents } = await generate(...args, "--interval", "3", "--branch", "2");
    expect(report).toMatchObject({
      model: "ckpt",
      sampler: "ddim",
      evaluations: 20,
      full: [0, 3, 6, 9, 12, 15, 18],
      policy: { kind: "uniform", interval: 3, branch: 2 },
    });
    const model = await openOriginalDdpm({ checkpoint: ORIGINAL_DDPM[1] ?? "", config: ORIGINAL_DDPM[3] ?? "" });
    await using pipeline = unconditional(model, { runtime: nodeRuntime() });
    const cache = { kind: "uniform", interval: 3, branch: 2 } as const;
    const expected = await pipeline.generate({ steps: 20, seed: 5, timestepSelection: "quad", cache });
    expect(latents).toEqual(expected.latents);
    const evenly = await generate(...ORIGINAL_DDPM, "--steps", "20", "--seed", "5", "--interval", "3", "--branch", "2");
    expect(evenly.latents).not.toEqual(latents);
  });

  test.each([
    [["a horse"], "Cannot use a prompt with this model: it is for unconditional-image"],
    [["--prompt", "a horse"], "Cannot use --prompt with this model: it is for unconditional-image"],
    [["--class", "1"], "Cannot use --class with this model: it is for unconditional-image"],
    [["--guidance-scale", "2"], "Cannot use --guidance-scale with this model"],
    [["--timestep-selection", "often"], "--timestep-selection often: uniform or quad"],
    [["--interval", "2", "--branch", "99"], "branches 0 to"],
  ])("refuses %j", async (args, message) => {
    const run = await refused("generate", ...DDPM, ...args, "--steps", "2");
    expect(run.stderr).toContain(message);
    expect(run.code).toBe(2);
  });
});

/** [B, C, H, W] in [-1, 1] as [B, H, W, C] in [0, 1]. */
function pixelsOf({ data, shape }: Tensor): Tensor {
  const [batch = 0, channels = 0, height = 0, width = 0] = shape;
  const plane = height * width;
  const values = Float32Array.from({ length: data.length }, (_, i) => {
    const [image, rest] = [Math.floor(i / (plane * channels)), i % (plane * channels)];
    const level = data[image * plane * channels + (rest % channels) * plane + Math.floor(rest / channels)] ?? 0;
    return Math.min(1, Math.max(0, (level + 1) / 2));
  });
  return { data: values, shape: [batch, height, width, channels] };
}

describe("a single file of Stable Diffusion", () => {
  const SINGLE = ["--model", fixturePath("original/single/model.safetensors")];
  const size = ["--steps", "3", "--seed", "1", "--width", "64", "--height", "64"];

  /** A vocabulary of letters alone, which the fixture's small text encoder has room for. */
  function letters(): string {
    const path = out("letters");
    if (existsSync(path)) return path;
    const alphabet = [..."abcdefghijklmnopqrstuvwxyz"];
    const tokens = [...alphabet, ...alphabet.map((letter) => `${letter}</w>`), "<|startoftext|>", "<|endoftext|>"];
    cpSync(fixturePath("pipelines/sd15/model/tokenizer"), path, { recursive: true });
    writeFileSync(join(path, "vocab.json"), JSON.stringify(Object.fromEntries(tokens.map((token, id) => [token, id]))));
    writeFileSync(join(path, "merges.txt"), "#version: 0.2\n");
    return path;
  }

  test.each([
    ["alone", undefined],
    ["with its YAML", fixturePath("original/single/config.yaml")],
  ])("%s gives what the pipeline gives", async (_, config) => {
    const tokenizer = letters();
    const yaml = config === undefined ? [] : ["--config", config];
    const made = await generate("red car", ...SINGLE, ...yaml, "--tokenizer", tokenizer, ...size, "--interval", "2");
    expect(made.report).toMatchObject({ full: [0, 2], images: [{ width: 64, height: 64 }] });
    const opened = await openModel({ path: SINGLE[1] ?? "", config, tokenizer });
    if (opened.kind !== "text-to-image") throw new TypeError(opened.kind);
    await using pipeline = textToImage(opened.model, { runtime: nodeRuntime() });
    const cache = { kind: "uniform", interval: 2, branch: 0 } as const;
    const options = { prompt: "red car", steps: 3, seed: 1, width: 64, height: 64, cache };
    expect(made.latents).toEqual((await pipeline.generate(options)).latents);
  });

  test("is refused with a vocabulary that its text encoder has no room for", async () => {
    const run = await refused("generate", "red car", ...SINGLE, ...size);
    expect(run.stderr).toContain("its text encoder knows tokens 0 to 119, its vocabulary has token 49407");
    expect(run.code).toBe(1);
  });
});

describe("an image", () => {
  const stored = (name: string): FixtureFile => readFixture(`pipelines/sd15/${name}.safetensors`);

  /** The flags of a stored run, its pictures as files. */
  function flagsOf(golden: FixtureFile): string[] {
    const { image, mask, ...options } = optionsOf(golden);
    const files = Object.entries({ image, mask }).flatMap(([name, picture]) =>
      picture === undefined ? [] : [`--${name}`, write(`input-${name}-${++runs}.png`, encodePng(picture))],
    );
    const { cache } = options;
    return [
      ...SD,
      ...["--prompt", String(options.prompt), "--negative-prompt", String(options.negativePrompt), "--sampler", "ddim"],
      ...["--steps", String(options.steps), "--seed", String(options.seed)],
      ...["--guidance-scale", String(options.guidanceScale), "--strength", String(options.strength)],
      ...(cache === undefined ? [] : ["--cache", formatPolicy(readCache(cache))]),
      ...files,
    ];
  }

  test.each([
    "img2img-ddim",
    "img2img-ddim-deepcache-N3-b1",
    "inpaint-ddim",
    "inpaint-ddim-strength0.7",
    "inpaint-ddim-deepcache-N2-b0",
  ])("from a file becomes the reference's: %s", async (name) => {
    const golden = stored(name);
    const { report, latents, image, settings } = await generate(...flagsOf(golden));
    const steps = golden.tensor("latents");
    const last = (steps.shape[0] ?? 0) - 1;
    expect(report).toMatchObject({ full: [...golden.tensor("full_steps").data], evaluations: last + 1 });
    expect(latents).toBeCloseTensor(row(steps, last), PIPELINE_LATENTS);
    expect(worstLevel(image, golden.tensor("image.uint8"))).toBeLessThanOrEqual(1);
    expect(Number(settings["Denoising strength"])).toBe(optionsOf(golden).strength);
  });

  const white = (width = 64, height = 64): Uint8Array => encodePng(plainImage(width, height));

  test("at strength 1 takes every step", async () => {
    const image = ["--image", write("white.png", white())];
    const { report } = await generate("a", ...SD, ...image, "--steps", "3", "--sampler", "ddim", "--strength", "1");
    expect(report.evaluations).toBe(3);
  });

  test("may be a WebP", async () => {
    const picture = squares("ab/cd", 32);
    const webp = new Uint8Array(await withSharp(picture).webp({ lossless: true }).toBuffer());
    const from = async (path: string) =>
      (await generate("a", ...SD, "--image", path, "--steps", "3", "--sampler", "ddim", "--seed", "1")).latents;
    expect(await from(write("photo.webp", webp))).toEqual(await from(write("photo.png", encodePng(picture))));
  });

  const PICTURES: Readonly<Record<string, string | Uint8Array>> = {
    picture: white(),
    "higher picture": white(64, 72),
    "odd picture": white(60, 64),
    GIF: "GIF89a",
    "half a file": white().subarray(0, 60),
  };

  test.each([
    ["odd picture", [], "56x64"],
    ["higher picture", ["--width", "48"], "48x48"],
    ["higher picture", ["--width", "48", "--height", "64"], "48x64"],
  ])("as %s with %j becomes one of %s", async (name, args, size) => {
    const image = ["--image", write(`fitted-${++runs}.png`, PICTURES[name] ?? "")];
    const mask = ["--mask", write(`fitted-${++runs}.png`, PICTURES["picture"] ?? "")];
    for (const files of [image, [...image, ...mask]]) {
      const made = await generate(
        "a",
        ...SD,
        ...files,
        ...args,
        "--steps",
        "2",
        "--sampler",
        "ddim",
        "--strength",
        "1",
      );
      expect(made.settings["Size"]).toBe(size);
    }
  });

  test("comes to the size of the images as --fit says", async () => {
    const tall = ["--image", write("tall.png", encodePng(squares("ab/cd/ef", 32)))];
    const made = async (...fit: string[]): Promise<Tensor> =>
      (await generate("a", ...SD, ...tall, ...fit, "-W", "64", "-H", "64", "--steps", "2", "--seed", "1")).latents;
    const cover = await made();
    expect(await made("--fit", "cover")).toEqual(cover);
    expect(await made("--fit", "contain")).not.toEqual(cover);
    expect(await made("--fit", "fill")).not.toEqual(cover);
  });

  test.each([
    [{ image: "picture" }, ["--strength", "0"], 2, "strength 0: a number above 0 and up to 1"],
    [{ image: "picture" }, ["--strength", "1.5"], 2, "strength 1.5: a number above 0 and up to 1"],
    [{ image: "picture" }, ["--strength", "0.1"], 2, "leaves no step to take"],
    [{ image: "picture" }, ["--width", "60"], 2, "width 60: a positive multiple of 8"],
    [{ mask: "picture" }, [], 2, "Cannot use --mask without --image"],
    [{}, ["--strength", "0.5"], 2, "Cannot use --strength without --image"],
    [{}, ["--image", "nowhere.png"], 1, 'Cannot read the picture "nowhere.png"'],
    [{ image: "GIF" }, [], 1, "it is a GIF, and a PNG, JPEG or WebP is required"],
    [{ image: "half a file" }, [], 1, "it is damaged or cut off"],
  ])("%o with %j is refused", async (files, args, code, message) => {
    const given = Object.entries(files).flatMap(([flag, name]) => [
      `--${flag}`,
      write(`${flag}-${++runs}.png`, PICTURES[name] ?? ""),
    ]);
    const run = await refused("generate", "a", ...SD, ...given, ...args, "--steps", "4");
    expect(run.stderr).toContain(message);
    expect(run.code).toBe(code);
  });
});

describe("SDXL", () => {
  test("is guided by 5 unless told otherwise", async () => {
    const golden = readFixture("pipelines/sdxl/txt2img-euler.safetensors");
    const { prompt, negativePrompt, seed, steps } = optionsOf(golden);
    const { latents, image, report, settings } = await generate(
      ...[...SDXL, "--prompt", String(prompt), "--negative-prompt", String(negativePrompt)],
      ...["--seed", String(seed), "--steps", String(steps), "--width", "64", "--height", "64"],
    );
    expect(report.sampler).toBe("euler");
    expect(settings["CFG scale"]).toBe("5");
    expect(latents).toBeCloseTensor(row(golden.tensor("latents"), 19), PIPELINE_LATENTS);
    expect(worstLevel(image, golden.tensor("image.uint8"))).toBeLessThanOrEqual(1);
  });
});

describe("compare", () => {
  test.each([
    ["prompts", ["a red car", ...SD, "--sampler", "ddim"]],
    ["classes", [...LDM, "--class", "1,2"]],
    ["nothing", [...ORIGINAL_DDPM, "--count", "2"]],
    ["an image", ["a red car", ...SD, "--sampler", "ddim", "--image", fixturePicture(), "--strength", "0.8"]],
  ])("writes a row for each interval, of a model told %s", async (what, args) => {
    const output = out(`compare-${what.replaceAll(" ", "-")}.png`);
    const run = await runCli(
      ...["compare", ...args, "--steps", "5", "--seed", "1", "--interval", "2,3", "--output", output, "--json"],
    );
    expect(run.stderr).toBe("");
    expect(run.code).toBe(0);
    const report = run.json<{ rows: Record<string, unknown>[]; policy: unknown }>();
    expect(report.rows.map(({ policy }) => policy)).toEqual(
      [2, 3].map((interval) => ({ kind: "uniform", interval, branch: 0 })),
    );
    expect(report).toMatchObject({ output, seed: 1, policy: { interval: 2 } });
    for (const { speedup, macsRatio, psnr, ssim } of report.rows) {
      for (const value of [speedup, macsRatio, psnr, ssim]) expect(value).toEqual(expect.any(Number));
      expect(Number(macsRatio)).toBeGreaterThan(1);
    }
    expect(decodePng(readFileSync(output)).image.height).toBeGreaterThan(3 * 192);
  });
});

function fixturePicture(): string {
  const { image } = optionsOf(readFixture("pipelines/sd15/img2img-ddim.safetensors"));
  return write("picture.png", encodePng(image ?? plainImage(64, 64)));
}

describe("inspect", () => {
  interface Averages {
    readonly averages: { readonly steps: number; readonly intervals: readonly { readonly average: number }[] };
  }
  const inspect = async (...args: string[]): Promise<Averages> => {
    const run = await runCli("inspect", ...args, "--json");
    expect(run.stderr).toBe("");
    return run.json();
  };
  const giga = ({ averages }: Averages): string[] =>
    averages.intervals.map(({ average }) => (average / 1e9).toFixed(2));

  test("averages as the paper's tables", async () => {
    const ldm = await inspect("ldm-4-g", "--steps", "250", "--interval", "2,3,5,10,20");
    expect(giga(ldm)).toEqual(["52.12", "36.48", "23.50", "13.97", "9.39"]);
    const cifar = await inspect("ddpm-cifar10", "--branch", "2", "--steps", "100", "--interval", "3,5,10");
    expect(giga(cifar)).toEqual(["3.54", "3.01", "2.63"]);
    const lsun = await inspect("ddpm-lsun", "--branch", "2", "--steps", "100", "--interval", "2,3,5");
    expect(giga(lsun)).toEqual(["190.78", "172.25", "156.04"]);
  });
});

test("a checkpoint that would run something is refused with one sentence", async () => {
  const trace = out("trace");
  const command = `touch ${trace}`;
  const evil = pickle(0x80, 2, "cos\nsystem\n(X", uint32(command.length), `${command}tR.`);
  const path = write("evil.ckpt", torchZip(evil));
  for (const config of [LDM[3], ORIGINAL_DDPM[3], fixturePath("original/single/config.yaml")]) {
    const run = await refused("generate", "--model", path, "--config", config ?? "", "--steps", "2");
    expect(run.stderr).toContain('its pickle names "os.system", which is not among what a checkpoint may name');
    expect(run.code).toBe(1);
  }
  expect(existsSync(trace)).toBe(false);
});
