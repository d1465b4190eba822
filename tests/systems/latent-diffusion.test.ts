import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { fileSource } from "../../src/checkpoint/bytes/byte-sources/file.ts";
import { CheckpointError } from "../../src/checkpoint/errors.ts";
import { readCheckpoint } from "../../src/checkpoint/read-checkpoint.ts";
import { readTensor } from "../../src/checkpoint/read-tensor.ts";
import { writeSafetensors } from "../../src/checkpoint/safetensors/write-safetensors.ts";
import { readYamlFile } from "../../src/checkpoint/text/yaml-file.ts";
import type { RgbImage } from "../../src/image/rgb-image.ts";
import { ConfigError } from "../../src/models/config-reader.ts";
import { classConditional } from "../../src/pipelines/class-conditional/class-conditional.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import { openLatentDiffusion } from "../../src/systems/latent-diffusion.ts";
import { type Tensor, zeros } from "../../src/tensor/tensor.ts";
import { changed } from "../originals/ldm-configs.ts";
import { fixturePath } from "../support/fixtures.ts";

const CHECKPOINT = fixturePath("original/ldm/model.ckpt");
const CONFIG = fixturePath("original/ldm/config.yaml");
const EMBEDDING = "cond_stage_model.embedding.weight";
const PROJECTION = "model.diffusion_model.input_blocks.3.1.transformer_blocks.0.ff.net.0.proj.weight";
const DECODER = "first_stage_model.decoder.up.2.block.1.conv2.weight";

let folder: string;
let tensors: Readonly<Record<string, Tensor>>;
let config: unknown;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ldm-"));
  const { weights } = await readCheckpoint(await fileSource(CHECKPOINT));
  const read = [...weights].map(async ([key, weight]) => [key, await readTensor(weight)] as const);
  tensors = Object.fromEntries(await Promise.all(read));
  config = await readYamlFile(CONFIG);
});
afterAll(() => rm(folder, { recursive: true }));

async function writeConfig(text: string): Promise<string> {
  const path = join(folder, "config.yaml");
  await writeFile(path, text);
  return path;
}

/** The fixture's checkpoint as safetensors, with some tensors changed; undefined takes one away. */
async function writeCheckpoint(changes: Readonly<Record<string, Tensor | undefined>> = {}): Promise<string> {
  const path = join(folder, "model.safetensors");
  const kept = Object.entries({ ...tensors, ...changes }).filter(
    (pair): pair is [string, Tensor] => pair[1] !== undefined,
  );
  await writeSafetensors(path, Object.fromEntries(kept));
  return path;
}

async function image(checkpoint: string, configPath = CONFIG): Promise<RgbImage | undefined> {
  const model = await openLatentDiffusion(checkpoint, configPath);
  await using pipeline = classConditional(model, { runtime: nodeRuntime() });
  return (await pipeline.generate({ classes: [3], steps: 2, seed: 1 })).images[0];
}

describe("openLatentDiffusion()", () => {
  test("reads the schedule, the sizes and the class embedding", async () => {
    const model = await openLatentDiffusion(CHECKPOINT, CONFIG);
    expect(model).toMatchObject({
      path: CHECKPOINT,
      latentShape: [3, 12, 12],
      classEmbedding: { shape: [11, 16] },
      unet: { config: { contextWidth: 16, down: [{ channels: 32 }, { channels: 32 }] } },
      firstStage: { config: { codebookSize: 64, scalingFactor: 1 } },
      scheduler: { beta_schedule: "scaled_linear", beta_start: 0.0015, beta_end: 0.0195, set_alpha_to_one: false },
    });
  });

  test("reads the same weights from safetensors", async () => {
    expect(await image(await writeCheckpoint())).toEqual(await image(CHECKPOINT));
  });

  test("prefers the averaged weights that the file holds", async () => {
    const unet = Object.entries(tensors).filter(([key]) => key.startsWith("model.diffusion_model."));
    const averages = unet.map(([key, tensor]) => {
      return [`model_ema.${key.slice("model.".length).replaceAll(".", "")}`, tensor] as const;
    });
    const raw = unet.map(([key, { shape }]) => [key, zeros(shape)] as const);
    const path = await writeCheckpoint({ ...Object.fromEntries([...raw, ...averages]), "model_ema.decay": zeros([1]) });
    expect(await image(path)).toEqual(await image(CHECKPOINT));
  });

  test("scales latents by the factor of the config, or by the one that training measured", async () => {
    const open = async (settings: unknown, path = CHECKPOINT): Promise<number> =>
      (await openLatentDiffusion(path, await writeConfig(stringify(settings)))).firstStage.config.scalingFactor;
    expect(await open(changed(config, "model.params.scale_factor", 0.5))).toBe(0.5);
    const measured = changed(config, "model.params.scale_by_std", true);
    await expect(open(measured)).rejects.toThrow('it lacks the "scale_factor" that "scale_by_std" calls for');
    const path = await writeCheckpoint({ scale_factor: { data: Float32Array.of(0.25), shape: [] } });
    expect(await open(measured, path)).toBe(0.25);
    expect(await open(config, path)).toBe(1);
  });

  test.each<[string, string]>([
    ["- 1\n- 2", "it is not a YAML mapping"],
    ["model: [", "it is not YAML"],
    ["", "it is not a YAML mapping"],
    [`a: ${"x".repeat(1024 * 1024)}`, "at most 65536 are read"],
  ])("refuses the config %#", async (text, message) => {
    const path = await writeConfig(text);
    const opening = openLatentDiffusion(CHECKPOINT, path);
    await expect(opening).rejects.toThrow(CheckpointError);
    await expect(opening).rejects.toThrow(message);
  });

  test("names the file and the field of a config that does not do", async () => {
    const path = await writeConfig(stringify(changed(config, "model.params.unet_config.params.context_dim", "wide")));
    const opening = openLatentDiffusion(CHECKPOINT, path);
    await expect(opening).rejects.toThrow(ConfigError);
    await expect(opening).rejects.toThrow(
      `Cannot use config "${path}: model: params: unet_config: params": "context_dim" is "wide" where a whole number`,
    );
  });

  test.each<[string, Record<string, Tensor | undefined>, string]>([
    ["no class embedding", { [EMBEDDING]: undefined }, `it lacks "${EMBEDDING}" [11,16]`],
    [
      "a class too many",
      { [EMBEDDING]: zeros([12, 16]) },
      `"${EMBEDDING}" has shape [12,16] where [11,16] is required`,
    ],
    ["another encoder", { "cond_stage_model.x": zeros([1]) }, 'it has no use for "cond_stage_model.x"'],
    ["a part of its own", { "control.x": zeros([1]) }, 'as a latent diffusion model: it has no use for "control.x"'],
    ["a weight less", { [PROJECTION]: undefined }, `"${PROJECTION}" [256,32] is missing`],
    ["a wrong shape", { [PROJECTION]: zeros([256, 31]) }, `"${PROJECTION}" has shape [256,31] where [256,32] is`],
    [
      "another level",
      { "model.diffusion_model.input_blocks.4.0.op.bias": zeros([1]) },
      'input_blocks.4.0.op.bias" is left',
    ],
    ["no codebook", { "first_stage_model.quantize.embedding.weight": undefined }, "[64,3] is missing"],
    ["a short decoder", { [DECODER]: undefined }, `"${DECODER}" [32,32,3,3] is missing`],
  ])("refuses a checkpoint with %s, by its own names", async (_, changes, message) => {
    const path = await writeCheckpoint(changes);
    const opening = openLatentDiffusion(path, CONFIG);
    await expect(opening).rejects.toThrow(CheckpointError);
    await expect(opening).rejects.toThrow(message);
    await expect(opening).rejects.toThrow(`Cannot use "${path}"`);
  });

  test("refuses files that are not there", async () => {
    await expect(openLatentDiffusion(CHECKPOINT, join(folder, "no.yaml"))).rejects.toThrow("there is no such file");
    await expect(openLatentDiffusion(join(folder, "no.ckpt"), CONFIG)).rejects.toThrow("there is no such file");
  });
});
