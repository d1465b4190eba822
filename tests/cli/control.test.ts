import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseParameters } from "../../src/image/parameters.ts";
import { decodePng, encodePng } from "../../src/image/png.ts";
import { rgbImage } from "../../src/image/rgb-image.ts";
import { ADAPTED_LATENTS } from "../support/assertions/tolerances.ts";
import { type CliRun, runCli } from "../support/cli.ts";
import { fixturePath, readFixture } from "../support/fixtures.ts";

const golden = readFixture("adapters/sd15/control.safetensors");
const root = mkdtempSync(join(tmpdir(), "deepcache-control-"));
const home = process.cwd();
beforeAll(() => {
  process.chdir(root);
  for (const i of [0, 1]) {
    const { data, shape } = golden.tensor(`image.${i}`);
    const image = rgbImage(shape[1] ?? 0, shape[0] ?? 0, Uint8Array.from(data));
    writeFileSync(`${i}.png`, encodePng(image));
  }
});
afterAll(() => {
  process.chdir(home);
  rmSync(root, { recursive: true });
});

const call = JSON.parse(golden.metadata["call"] ?? "{}");
const network = (name: string): string => fixturePath(`adapters/sd15/${name}`);
const MODEL = ["--model", fixturePath("pipelines/sd15/model"), "--sampler", "ddim"];
const STORED = [
  ...["--prompt", call.prompt, "--negative-prompt", call.negative_prompt, "--steps", String(call.num_inference_steps)],
  ...["--seed", golden.metadata["seed"] ?? "", "--guidance-scale", String(call.guidance_scale)],
];
const generate = (...flags: string[]): Promise<CliRun> => runCli("generate", ...MODEL, ...STORED, ...flags);
const ONE = ["--controlnet", network("controlnet-0"), "--control-image", "0.png"];
const TWO = [...ONE, "--controlnet", network("controlnet-1"), "--control-image", "1.png"];

describe("generate --controlnet", () => {
  test.each([
    ["one", [...ONE, "--control-scale", "0.8"]],
    ["window", [...ONE, "--control-start", "0.25", "--control-end", "0.75"]],
    ["two", [...TWO, "--control-scale", "0.5,0.9"]],
    ["guess", [...ONE, "--control-scale", "0.8", "--guess-mode"]],
    ["one.n2.b2", [...ONE, "--control-scale", "0.8", "--interval", "2", "--branch", "2"]],
    ["one.n3.b0", [...ONE, "--control-scale", "0.8", "--interval", "3", "--low-memory"]],
    ["t2i", ["--controlnet", network("t2i-adapter"), "--control-image", "0.png", "--control-scale", "0.7"]],
  ])("ends where the reference ends: %s", async (name, flags) => {
    const run = await generate(...flags, "--latents-output", "latents.safetensors", "-o", "made.png");
    expect(run).toMatchObject({ code: 0 });
    const made = readFixture(join(root, "latents.safetensors"));
    expect(made.tensor("latents")).toBeCloseTensor(golden.tensor(name), ADAPTED_LATENTS);
  });

  test("writes what steered a picture into it, which --like asks for again", async () => {
    const flags = ["--control-preprocess", "canny", "--control-scale", "0.5", "--control-end", "0.75", "--steps", "2"];
    await runCli("generate", ...MODEL, "a fox", "--seed", "1", ...ONE, ...flags, "-o", "first.png");
    const { settings } = parseParameters(decodePng(readFileSync("first.png")).text["parameters"] ?? "");
    expect(settings["ControlNet 0"]).toBe(
      "Module: canny, Model: controlnet-0, Weight: 0.5, Guidance Start: 0, Guidance End: 0.75, Control Mode: Balanced",
    );
    const without = await runCli("generate", ...MODEL, "--like", "first.png", "-o", "second.png");
    expect(without).toMatchObject({ code: 2 });
    expect(without.stderr).toContain(
      'Cannot repeat "first.png" without --controlnet and --control-image: it was steered by controlnet-0',
    );
    const again = await runCli("generate", ...MODEL, "--like", "first.png", ...ONE, "-o", "second.png");
    expect(again).toMatchObject({ code: 0 });
    expect(decodePng(readFileSync("second.png")).image).toEqual(decodePng(readFileSync("first.png")).image);
  });

  test.each([
    [
      ["--controlnet", network("controlnet-0")],
      "Cannot use --controlnet once with --control-image not at all: one picture for each network is required",
    ],
    [
      ["--control-image", "0.png"],
      "Cannot use --controlnet not at all with --control-image once: one picture for each network is required",
    ],
    [
      [...TWO, "--control-scale", "1,2,3"],
      "Cannot use 3 values of --control-scale with 2 control networks: one value, or one for each, is required",
    ],
    [["--control-preprocess", "depth"], 'Cannot preprocess a picture as "depth": none, canny or canny:LOW:HIGH'],
    [
      ["--control-preprocess", "canny:200:100"],
      'Cannot preprocess a picture as "canny:200:100": none, canny or canny:LOW:HIGH (canny is canny:100:200), LOW no larger than HIGH, is required',
    ],
    [["--guess-mode"], "Cannot use --guess-mode without --controlnet"],
    [
      [...ONE, "--control-start", "0.8", "--control-end", "0.5"],
      "Cannot generate with control from 0.8 to 0.5 of a run: a start from 0 and a later end up to 1 are required",
    ],
    [
      ["--controlnet", network("controlnet-0"), "--control-image", "none.png"],
      'Cannot read the control image "none.png": no such file or directory',
    ],
    [
      ["--controlnet", fixturePath("adapters/sdxl/controlnet-0"), "--control-image", "0.png"],
      "its levels are 8, 8, 8 channels wide, those of the model's U-Net 8, 8, 8, 16",
    ],
  ])("refuses %o in one sentence", async (flags, message) => {
    const { code, stderr } = await generate(...flags, "-o", "never.png");
    expect([code === 0, stderr]).toEqual([false, expect.stringContaining(message)]);
  });
});
