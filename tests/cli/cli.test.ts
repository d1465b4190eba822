import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { fileSource } from "../../src/checkpoint/bytes/byte-sources/file.ts";
import { readCheckpoint } from "../../src/checkpoint/read-checkpoint.ts";
import { readTensor } from "../../src/checkpoint/read-tensor.ts";
import { parsePolicyText } from "../../src/deepcache/policies.ts";
import { parseParameters } from "../../src/image/parameters.ts";
import { decodePng } from "../../src/image/png.ts";
import { PIPELINE_LATENTS } from "../support/assertions/tolerances.ts";
import { runCli } from "../support/cli.ts";
import { fixturePath, readFixture, row } from "../support/fixtures.ts";
import { OPENVINO } from "../support/runtimes/openvino.ts";

const MODEL = fixturePath("pipelines/sd15/model");
const folder = mkdtempSync(join(tmpdir(), "deepcache-cli-"));
afterAll(() => rmSync(folder, { recursive: true }));
const out = (name: string): string => join(folder, name);
const small = ["--model", MODEL, "--steps", "3", "--sampler", "ddim", "--seed", "1"];

describe("generate", () => {
  test("gives the reference's latents for its prompt, seed, interval and branch", async () => {
    const golden = readFixture("pipelines/sd15/txt2img-ddim-deepcache-N3-b0.safetensors");
    const texts = JSON.parse(golden.metadata["prompt"] ?? "") as Record<string, string>;
    const run = await runCli(
      ...[
        "generate",
        "--model",
        MODEL,
        "--prompt",
        texts["prompt"] ?? "",
        "--negative-prompt",
        texts["negative_prompt"] ?? "",
      ],
      ...["--seed", golden.metadata["seed"] ?? "", "--steps", "20", "--sampler", "ddim", "--guidance-scale", "7.5"],
      ...["--width", "64", "--height", "64", "--interval", "3", "--branch", "0"],
      ...["--latents-output", out("latents.safetensors"), "--output", out("golden.png"), "--json"],
    );
    expect(run.stderr).toBe("");
    expect(run.code).toBe(0);
    const { weights } = await readCheckpoint(await fileSource(out("latents.safetensors")));
    const latents = weights.get("latents");
    if (latents === undefined) throw new Error("no latents");
    expect(latents).toMatchObject({ dtype: "F32", shape: [1, 4, 8, 8] });
    expect(await readTensor(latents)).toBeCloseTensor(row(golden.tensor("latents"), 19), PIPELINE_LATENTS);
    const { image, text } = decodePng(readFileSync(out("golden.png")));
    expect(image).toMatchObject({ width: 64, height: 64 });
    const { prompt, negativePrompt, settings } = parseParameters(text["parameters"] ?? "");
    expect({ prompt, negativePrompt }).toEqual({ prompt: texts["prompt"], negativePrompt: texts["negative_prompt"] });
    expect(settings).toMatchObject({ Steps: "20", Sampler: "ddim", "CFG scale": "7.5", Seed: "42", Size: "64x64" });
    expect(parsePolicyText(String(settings["DeepCache"]))).toEqual({ kind: "uniform", interval: 3, branch: 0 });
    const report = run.json<Record<string, unknown>>();
    expect(report).toMatchObject({
      images: [{ path: out("golden.png"), seed: 42, width: 64, height: 64 }],
      model: "model",
      sampler: "ddim",
      steps: 20,
      evaluations: 20,
      full: [0, 3, 6, 9, 12, 15, 18],
      policy: { kind: "uniform", interval: 3, branch: 0 },
      parts: { head: { runs: 20 }, trunk: { runs: 7 }, tail: { runs: 20 } },
    });
    const { macs, fse, seconds } = report as {
      macs: Record<string, number>;
      fse: number;
      seconds: Record<string, number>;
    };
    const { full = 0, cached = 0, total = 0, uncached = 0 } = macs;
    expect(total).toBe(7 * full + 13 * cached);
    expect(uncached).toBe(20 * full);
    expect(fse).toBeCloseTo(7 + (13 * cached) / full);
    expect(Object.keys(seconds)).toEqual(["load", "encode", "denoise", "decode", "total"]);
  });

  test("numbers several images and warns about a prompt that is too long", async () => {
    const run = await runCli("generate", "x ".repeat(200), ...small, "--count", "2", "--output", out("many.png"));
    expect(run.code).toBe(0);
    expect(run.stderr).toContain("longer than 77 tokens");
    expect(readdirSync(folder).filter((name) => name.startsWith("many"))).toEqual(["many-1.png", "many-2.png"]);
  });

  test("repeats a seed and means 0 by 0", async () => {
    for (const name of ["a", "b"])
      await runCli("generate", "a", ...small.slice(0, -1), "0", "--output", out(`${name}.png`));
    expect(readFileSync(out("a.png"))).toEqual(readFileSync(out("b.png")));
  });

  test.each([
    { args: ["generate"], message: "without a prompt" },
    { args: ["generate", "a", "--steps", "0"], message: "--steps 0: a whole number from 1" },
    { args: ["generate", "a", "--steps", "many"], message: '--steps "many": a number' },
    { args: ["generate", "a", "--interval", "0"], message: "--interval 0: a whole number from 1" },
    { args: ["generate", "a", "--seed", "-1"], message: "--seed -1: a whole number from 0" },
    { args: ["generate", "a", "--count", "0"], message: "--count 0: a whole number from 1" },
    { args: ["generate", "a", "--guidance-scale", "high"], message: '--guidance-scale "high"' },
    { args: ["generate", "a", "--timesteps", "9,x"], message: '--timesteps "x"' },
    { args: ["generate", "a", "--sigmas", "fast"], message: 'Cannot sample with sigmas "fast": there are ays' },
    { args: ["generate", "a", "--timesteps", "9,5", "--steps", "3"], message: "steps 3: the given timesteps" },
    { args: ["generate", "a", "--target-size", "9"], message: "--target-size 9: WIDTHxHEIGHT is required" },
    { args: ["generate", "a", "--width", "60"], message: "width 60: a positive multiple of 8" },
    { args: ["generate", "a", "--interval", "2", "--branch", "12"], message: "branches 0 to 11" },
    { args: ["generate", "a", "--full-steps", "1,2"], message: "0" },
    { args: ["generate", "a", "--full-steps", "0,9"], message: "evaluation 9" },
    { args: ["generate", "a", "--full-steps", "0", "--interval", "2"], message: "--full-steps together" },
    { args: ["generate", "a", "--cache", "2.5"], message: "cache interval 2.5" },
    { args: ["generate", "a", "--cache", "unifrom:3"], message: 'did you mean "uniform"?' },
    { args: ["generate", "a", "--cache", "2,3"], message: "several intervals or policies" },
    { args: ["generate", "a", "--cache", "3", "--branch", "1"], message: "--cache together" },
    { args: ["generate", "a", "--no-cache", "--interval", "2"], message: "--no-cache together" },
    { args: ["generate", "a", "--power", "1.4"], message: "--power without --center" },
    { args: ["generate", "a", "--center", "1", "--power", "1"], message: "power" },
    { args: ["generate", "a", "--sampler", "magic"], message: 'No sampler is called "magic"' },
    { args: ["generate", "a", "--device", "tpu"], message: 'device "tpu"' },
    { args: ["generate", "a", "--prompt", "b"], message: "--prompt together" },
    { args: ["generate", "a", "--frobnicate"], message: "unknown option" },
    { args: ["compare", "a", "--cache", "1"], message: "both rows would be the same" },
    { args: ["compare", "a", "--cache", "2,uniform:3:1"], message: "caches at branches 0, 1: all must be" },
    { args: ["compare", "a", "--no-cache"], message: "both rows would be the same" },
    { args: ["compare", "a", "--repeat", "0"], message: "--repeat 0" },
    { args: ["genrate", "a"], message: 'There is no command "genrate": did you mean generate?' },
    { args: ["generate", "a", "--prompts", "p.txt"], message: "--prompts together with a prompt argument" },
    { args: ["generate", "-", "-"], message: "Cannot read stdin twice" },
    { args: ["generate", "a", "--seed", "1,2", "--count", "3"], message: "3 images from 2 seeds" },
    { args: ["generate", "a", "--one-generator", "--seed", "1,2"], message: "--one-generator with several seeds" },
    {
      args: ["generate", "a", "--one-generator", "--count", "2", "--batch", "1"],
      message: "--batch 1 with --one-generator",
    },
    { args: ["generate", "a", "--fit", "crop"], message: "--fit crop: one of cover, contain, fill" },
    { args: ["generate", "a", "--fit", "cover"], message: "--fit without --image" },
  ])("$args is refused as usage: $message", async ({ args, message }) => {
    const own = args.includes("--steps") ? [] : ["--steps", "3"];
    const common = ["generate", "compare"].includes(args[0] ?? "")
      ? ["--model", MODEL, ...own, "--output", out("refused.png")]
      : [];
    const run = await runCli(...args, ...common);
    expect(run.stderr).toContain(message);
    expect(run.code).toBe(2);
    expect(run.stdout).toBe("");
    expect(readdirSync(folder).filter((name) => name.startsWith("refused"))).toEqual([]);
  });

  test("fails with one sentence on a broken model and leaves nothing behind", async () => {
    const broken = out("broken");
    cpSync(MODEL, broken, { recursive: true });
    const weights = join(broken, "unet", "diffusion_pytorch_model.safetensors");
    writeFileSync(weights, readFileSync(weights).subarray(0, 5000));
    const run = await runCli("generate", "a", "--model", broken, "--output", out("never.png"));
    expect(run.code).toBe(1);
    expect(run.stderr.trim().split("\n")).toHaveLength(1);
    expect(run.stderr).toContain("diffusion_pytorch_model.safetensors");
    const failed = await runCli("generate", "a", "--output", out("never.png"), "--model", out("nowhere"));
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain("nowhere");
    expect(readdirSync(folder).filter((name) => name.startsWith("never"))).toEqual([]);
  });
});

describe("compare", () => {
  test("writes both rows and reports times, operations and difference", async () => {
    const run = await runCli(
      "compare",
      "a red car",
      ...small,
      "--interval",
      "2",
      "--output",
      out("compare.png"),
      "--json",
    );
    expect(run.stderr).toBe("");
    expect(run.code).toBe(0);
    const report = run.json<Record<string, unknown>>();
    expect(report).toMatchObject({ output: out("compare.png"), full: [0, 2], seed: 1 });
    const { baseline, deepcache, speedup, macsRatio, psnr, ssim } = report as {
      baseline: { seconds: number };
      deepcache: { seconds: number };
    } & Record<string, number>;
    expect(speedup).toBeCloseTo(baseline.seconds / deepcache.seconds);
    expect(macsRatio).toBeGreaterThan(1);
    expect(macsRatio).toBeLessThan(1.5);
    expect(psnr).toBeGreaterThan(5);
    expect(ssim).toBeLessThan(1);
    const { image } = decodePng(readFileSync(out("compare.png")));
    expect(image.height).toBeGreaterThan(2 * 192);
  });

  test("finds no difference at interval 1", async () => {
    const args = ["compare", "a red car", ...small, "--interval", "1", "--output", out("same.png")];
    const run = await runCli(...args, "--json");
    expect(run.json()).toMatchObject({ psnr: null, ssim: 1, macsRatio: 1, full: [0, 1, 2] });
    expect(await runCli(...args)).toMatchObject({
      stdout: `${out("same.png")}\n`,
      stderr: expect.stringContaining("PSNR identical"),
    });
  });
});

describe("inspect", () => {
  test("gives the paper's operations for a built-in architecture", async () => {
    const run = await runCli("inspect", "stable-diffusion-v1-5", "--json");
    const report = run.json<{
      macs: Record<string, number>;
      parameters: number;
      skips: number;
      branches: { reference: number; ratio: number; feature: number[] }[];
    }>();
    expect(Object.keys(report)).toEqual(
      expect.arrayContaining(["architecture", "parameters", "skips", "macs", "branches"]),
    );
    expect(report.parameters).toBe(859_520_964);
    expect(report.skips).toBe(12);
    expect(((report.macs["reference"] ?? 0) / 1e9).toFixed(2)).toBe("338.83");
    const partial = report.branches.slice(0, 3).map(({ reference }) => (reference / 1e9).toFixed(3));
    expect(partial).toEqual(["20.716", "57.328", "98.138"]);
    expect(report.branches[0]?.feature).toEqual([1, 320, 64, 64]);
  });

  test("reads a model folder and prints a table", async () => {
    const run = await runCli("inspect", MODEL);
    expect(run.stdout).toContain("12 skip connections");
    expect(run.stdout.trim().split("\n")).toHaveLength(4 + 1 + 12 + 3 + 3);
    const { code, stderr } = await runCli("inspect", out("nowhere"));
    expect(code).toBe(1);
    expect(stderr).toContain("nowhere");
  });
});

describe("plan", () => {
  test("counts PNDM's extra evaluation and Heun's two", async () => {
    const plan = async (...args: string[]) => (await runCli("plan", "--model", MODEL, "--json", ...args)).json();
    expect(await plan("--interval", "5")).toEqual({ evaluations: 51, full: [0, 5, 10, 15, 20, 25, 30, 35, 40, 45] });
    expect(await plan("--interval", "5", "--center", "15", "--power", "1.4")).toEqual({
      evaluations: 51,
      full: [0, 5, 9, 13, 17, 21, 26, 31, 37, 43],
    });
    expect(await plan("--sampler", "heun", "--steps", "5", "--interval", "2")).toEqual({
      evaluations: 9,
      full: [0, 2, 4, 6, 8],
    });
    expect(await plan("--sampler", "ddim", "--steps", "4", "--no-cache")).toEqual({
      evaluations: 4,
      full: [0, 1, 2, 3],
    });
  });

  test("draws the plan", async () => {
    const { stdout } = await runCli("plan", "--model", MODEL, "--sampler", "ddim", "--steps", "7", "--interval", "3");
    expect(stdout).toBe("3 of 7 evaluations full: 0, 3, 6\n█··█··█\n");
  });
});

describe("doctor", () => {
  test("tells versions, memory and devices", async () => {
    const { memory, missing, ...found } = (await runCli("doctor", "--json")).json<Record<string, unknown>>();
    expect(found).toMatchObject({
      node: process.versions.node,
      runtime: expect.stringMatching(/^onnxruntime-node \d/),
      devices: expect.arrayContaining(["cpu"]),
      openvino: OPENVINO === undefined ? { missing: expect.any(String) } : { devices: expect.any(Array) },
      sharp: expect.any(String),
      models: { folder: expect.any(String), bytes: expect.any(Number) },
      cache: { folder: expect.stringMatching(/deepcache$/), bytes: expect.any(Number) },
    });
    expect(missing).toEqual([]); // a clone has them all
    expect(memory).toEqual({ total: expect.any(Number), available: expect.any(Number) });
    const { stdout } = await runCli("doctor");
    for (const name of Object.keys(found)) expect(stdout).toMatch(new RegExp(`^${name} `, "m"));
    expect(stdout).toMatch(/^missing +nothing$/m);
    expect(stdout).toMatch(
      OPENVINO === undefined
        ? /^openvino +Cannot run on OpenVINO: .*pip install openvino/m
        : /^openvino +\d.*openvino:CPU in float32/m,
    );
  });

  test("tries devices and times both precisions where it is told to", async () => {
    const { stdout } = await runCli("doctor", "--measure");
    expect(stdout).toMatch(/^(?:tried)? +cpu works$/m);
    expect(stdout).toMatch(/^float32 +\d+ Gop\/s in a matrix product, \d+ in a convolution$/m);
    expect(stdout).toMatch(/^int8 +\d+ Gop\/s in a matrix product, \d+ in a convolution$/m);
    expect(stdout).toMatch(
      /^auto +on cpu, computing in (?:float32|int8): int8 \d+\.\d times as fast as float32 on this machine, 1\.3 are worth it$/m,
    );
  });
});

describe("help", () => {
  test("goes to stdout and exits with 0", async () => {
    const names = ["generate", "compare", "eval", "fid", "bench", "inspect", "plan", "doctor"];
    for (const args of [[], ["--help"], ["--version"], ...names.map((name) => [name, "-h"])]) {
      const run = await runCli(...args);
      expect(run.code).toBe(0);
      expect(run.stdout).not.toBe("");
      expect(run.stderr).toBe("");
    }
  });

  test("lists the flags of generate in groups", async () => {
    const { stdout } = await runCli("generate", "--help");
    const groups = [...stdout.matchAll(/^(\w.*):$/gm)].map(([, group]) => group);
    expect(groups).toEqual([
      "Arguments",
      "Pictures",
      "Model",
      "Adapters",
      "Control",
      "Sampling",
      "Cache",
      "Device and memory",
      "Output",
      "Policies of --cache, each also with +warmup:COUNT+forecast:DAMPING",
      "Examples",
    ]);
  });
});
