import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseParameters } from "../../src/image/parameters.ts";
import { decodePng } from "../../src/image/png.ts";
import { ADAPTED_LATENTS } from "../support/assertions/tolerances.ts";
import { type CliRun, runCli } from "../support/cli.ts";
import { fixturePath, readFixture } from "../support/fixtures.ts";

const root = mkdtempSync(join(tmpdir(), "deepcache-refiner-"));
const home = process.cwd();
beforeAll(() => {
  process.chdir(root);
  cpSync(fixturePath("adapters/sdxl/refiner"), "fine", { recursive: true });
  for (const name of ["text_encoder_2", "tokenizer_2"]) {
    cpSync(fixturePath(`pipelines/sdxl/model/${name}`), join("fine", name), { recursive: true });
  }
});
afterAll(() => {
  process.chdir(home);
  rmSync(root, { recursive: true });
});

const MODEL = ["--model", fixturePath("pipelines/sdxl/model"), "--steps", "10", "-W", "64", "-H", "64"];
const generate = (...flags: string[]): Promise<CliRun> => runCli("generate", ...MODEL, ...flags);

test("generate --refiner ends where the reference ends, and says so in the picture, for --like", async () => {
  const words = [
    "--prompt",
    "a photo of an astronaut riding a horse on mars",
    "--negative-prompt",
    "blurry, low quality",
  ];
  const flags = [...words, "--seed", "11", "--refiner", "fine", "--refiner-start", "0.5"];
  const run = await generate(...flags, "--latents-output", "latents.safetensors", "-o", "first.png");
  expect(run).toMatchObject({ code: 0 });
  const expected = readFixture("adapters/sdxl/refined.safetensors").tensor("early");
  expect(readFixture(join(root, "latents.safetensors")).tensor("latents")).toBeCloseTensor(expected, ADAPTED_LATENTS);
  const { settings } = parseParameters(decodePng(readFileSync("first.png")).text["parameters"] ?? "");
  expect(settings).toMatchObject({ Refiner: "fine", "Refiner switch at": "0.5" });

  const without = await generate("--like", "first.png", "-o", "second.png");
  expect(without).toMatchObject({ code: 2 });
  expect(without.stderr).toContain('Cannot repeat "first.png" without --refiner: one ended its run');
  expect(await generate("--like", "first.png", "--refiner", "fine", "-o", "second.png")).toMatchObject({ code: 0 });
  expect(decodePng(readFileSync("second.png")).image).toEqual(decodePng(readFileSync("first.png")).image);
});

test.each([
  [["--refiner-start", "0.5"], "Cannot use --refiner-start without --refiner"],
  [["--refiner", "nothing"], 'Cannot open the refiner "nothing": there is no such file or folder'],
  [
    ["--refiner", "fine", "--refiner-start", "2"],
    "Cannot refine from 2 of the schedule: a number above 0 and below 1 is required",
  ],
])("generate refuses %o in one sentence", async (flags, message) => {
  const { code, stderr } = await generate("a fox", ...flags, "-o", "never.png");
  expect([code === 0, stderr]).toEqual([false, expect.stringContaining(message)]);
});
