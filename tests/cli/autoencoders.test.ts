import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { parseParameters } from "../../src/image/parameters.ts";
import { decodePng, encodePng } from "../../src/image/png.ts";
import { rgbImage } from "../../src/image/rgb-image.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { type CliRun, runCli } from "../support/cli.ts";
import { fixturePath, readFixture } from "../support/fixtures.ts";
import { writeRenamed } from "../support/models/renamed-weights.ts";

const decoded = readFixture("adapters/sd15/decoded.safetensors");
const golden = readFixture("adapters/sd15/control.safetensors");
const [VAE, TINY] = [fixturePath("adapters/sd15/vae"), fixturePath("models/taesd")];
const root = mkdtempSync(join(tmpdir(), "deepcache-autoencoders-"));
const home = process.cwd();

/** The original code's name of a tensor of the autoencoder. */
const original = (name: string): string =>
  name
    .replace(/^(encoder|decoder)\.mid_block\.resnets\.(\d)/, (_, half, i) => `${half}.mid.block_${Number(i) + 1}`)
    .replace(/^(encoder|decoder)\.mid_block\.attentions\.0/, "$1.mid.attn_1")
    .replace(/^encoder\.down_blocks\.(\d)\.resnets\.(\d)/, "encoder.down.$1.block.$2")
    .replace(/^encoder\.down_blocks\.(\d)\.downsamplers\.0/, "encoder.down.$1.downsample")
    .replace(/^decoder\.up_blocks\.(\d)\.resnets\.(\d)/, (_, i, j) => `decoder.up.${3 - i}.block.${j}`)
    .replace(/^decoder\.up_blocks\.(\d)\.upsamplers\.0/, (_, i) => `decoder.up.${3 - i}.upsample`)
    .replace(/conv_shortcut/, "nin_shortcut")
    .replace(/conv_norm_out/, "norm_out")
    .replace(/attn_1\.group_norm/, "attn_1.norm")
    .replace(/attn_1\.(?:to_)?(q|k|v)(?:uery|ey|alue)?\./, "attn_1.$1.")
    .replace(/attn_1\.(?:to_out\.0|proj_attn)\./, "attn_1.proj_out.");

beforeAll(() => {
  process.chdir(root);
  const { data, shape } = golden.tensor("image.1");
  writeFileSync("start.png", encodePng(rgbImage(shape[1] ?? 0, shape[0] ?? 0, Uint8Array.from(data))));
  const weights = "diffusion_pytorch_model.safetensors";
  writeRenamed(join(VAE, weights), "original-vae.safetensors", original);
  writeRenamed(join(VAE, weights), "whole-model.safetensors", (name) => `first_stage_model.${original(name)}`);
  writeRenamed(join(TINY, weights), "taesd_decoder.safetensors", (name) => {
    const [, place, rest] = /^decoder\.layers\.(\d+)\.(.+)$/.exec(name) ?? [];
    return place === undefined ? undefined : `${Number(place) + 1}.${rest}`;
  });
});
afterAll(() => {
  process.chdir(home);
  rmSync(root, { recursive: true });
});

const MODEL = [
  "--model",
  fixturePath("pipelines/sd15/model"),
  "--sampler",
  "ddim",
  "--seed",
  golden.metadata["seed"] ?? "",
];
const RUN = ["--guidance-scale", "7.5", "--negative-prompt", "blurry", "-W", "64", "-H", "64"];
const generate = (...flags: string[]): Promise<CliRun> =>
  runCli("generate", "a fox", ...MODEL, ...RUN, "--steps", "2", ...flags);

function expectPicture(path: string, expected: Tensor): void {
  const { data } = decodePng(readFileSync(path)).image;
  const worst = expected.data.reduce((most, level, i) => Math.max(most, Math.abs(level - (data[i] ?? 0))), 0);
  expect([data.length, worst <= 1]).toEqual([expected.data.length, true]);
}

describe("generate", () => {
  test.each([
    ["vae", ["--vae", VAE]],
    ["vae", ["--vae", join(VAE, "diffusion_pytorch_model.safetensors")]],
    ["vae", ["--vae", "original-vae.safetensors"]],
    ["vae", ["--vae", "whole-model.safetensors"]],
    ["from-image", ["--vae", VAE, "--image", "start.png", "--strength", "0.5", "--steps", "4"]],
    ["tiny", ["--tiny-vae", TINY]],
    ["tiny", ["--tiny-vae", join(TINY, "diffusion_pytorch_model.safetensors")]],
    ["tiny", ["--tiny-vae", "taesd_decoder.safetensors"]],
    ["vae", ["--vae", VAE, "--tiny-vae", TINY, "--tiny-vae-for", "previews"]],
  ])("decodes as the reference does, %s by %o", async (name, flags) => {
    expect(await generate(...flags, "-o", "made.png")).toMatchObject({ code: 0 });
    expectPicture("made.png", decoded.tensor(name));
    const { settings } = parseParameters(decodePng(readFileSync("made.png")).text["parameters"] ?? "");
    const [flag, path = ""] = flags;
    const setting = flag === "--vae" ? "VAE" : "VAE Decoder";
    expect(settings[setting]).toBe(basename(path).replace(".safetensors", ""));
  });

  test.each([
    [["--vae", TINY], '"_class_name" is "AutoencoderTiny" where "AutoencoderKL" is required'],
    [["--vae", fixturePath("models/vq-f4")], '"_class_name" is "VQModel" where "AutoencoderKL" is required'],
    [["--vae", "start.png"], 'Cannot read "start.png"'],
    [
      ["--vae", join(fixturePath("adapters/sd15/controlnet-0"), "diffusion_pytorch_model.safetensors")],
      'as an autoencoder: it has no tensor "decoder.conv_in.weight"',
    ],
    [
      ["--tiny-vae", "original-vae.safetensors"],
      'as a tiny autoencoder: it has no tensor of a decoder, "1.weight" or "decoder.layers.0.weight"',
    ],
    [["--tiny-vae", "nothing"], 'Cannot open the tiny autoencoder "nothing": there is no such file or folder'],
    [["--tiny-vae-for", "previews"], "Cannot use --tiny-vae-for without --tiny-vae"],
    [["--preview-every", "1", "--preview-kind", "tiny"], "Cannot make tiny previews without a tiny autoencoder"],
    [["--preview-every", "1", "-o", "-"], "Cannot write previews beside a picture on stdout: give --output a name"],
  ])("refuses %o in one sentence", async (flags, message) => {
    const { code, stderr } = await generate("-o", "never.png", ...flags);
    expect([code === 0, stderr]).toEqual([false, expect.stringContaining(message)]);
  });
});

test("generate --like warns of an autoencoder that is not given again", async () => {
  await generate("--tiny-vae", TINY, "-o", "made.png");
  const without = await runCli("generate", ...MODEL, "--like", "made.png", "-o", "again.png");
  expect(without).toMatchObject({ code: 0 });
  expect(without.stderr).toContain('"made.png" was decoded by "taesd", this one is not: give --tiny-vae');
  const again = await runCli("generate", ...MODEL, "--like", "made.png", "--tiny-vae", TINY, "-o", "again.png");
  expect(again.stderr).not.toContain("was decoded by");
  expect(decodePng(readFileSync("again.png")).image).toEqual(decodePng(readFileSync("made.png")).image);
});

describe("generate --preview-every", () => {
  beforeEach(() => {
    for (const name of previews()) rmSync(name);
  });
  const previews = (): readonly string[] =>
    readdirSync(".")
      .filter((name) => name.includes("preview"))
      .sort();
  const commentOf = (path: string): string | undefined => decodePng(readFileSync(path)).text["Comment"];

  test("writes previews beside the picture, labelled as linear where no autoencoder makes them", async () => {
    const run = await generate("--steps", "5", "--preview-every", "2", "-o", "linear.png");
    expect(run).toMatchObject({ code: 0, stdout: "linear.png\n" });
    expect(run.stderr).toContain(
      "previews are written beside pictures; they are made as a linear approximation of the latents",
    );
    expect(previews()).toEqual(["linear-preview-2.png", "linear-preview-4.png"]);
    expect(commentOf("linear-preview-2.png")).toBe(
      "Preview after 2 of 5 evaluations, a linear approximation of the latents",
    );
    expect(decodePng(readFileSync("linear-preview-2.png")).image).toMatchObject({ width: 64, height: 64 });
  });

  test("lets a tiny autoencoder make them, for each image of a batch", async () => {
    const run = await generate("--count", "2", "--preview-every", "2", "--tiny-vae", TINY, "-o", "tiny.png");
    expect(run).toMatchObject({ code: 0 });
    expect(previews()).toEqual(["tiny-1-preview-2.png", "tiny-2-preview-2.png"]);
    expect(commentOf("tiny-1-preview-2.png")).toBe("Preview after 2 of 2 evaluations, by the tiny autoencoder");
  });

  test("draws them as one where pictures go together, by the decoder if asked", async () => {
    const run = await generate(
      "--count",
      "2",
      "--grid",
      "--preview-every",
      "1",
      "--preview-kind",
      "full",
      "-o",
      "grid.png",
    );
    expect(run).toMatchObject({ code: 0 });
    expect(previews()).toEqual(["grid-preview-1.png", "grid-preview-2.png"]);
  });
});
