import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { memorySource } from "../../src/checkpoint/bytes/byte-sources/memory.ts";
import { joinPieces } from "../../src/checkpoint/bytes/join-pieces.ts";
import { openCheckpoint } from "../../src/checkpoint/open-checkpoint.ts";
import { encodeSafetensors } from "../../src/checkpoint/safetensors/encode-safetensors.ts";
import { unetConfig } from "../../src/models/unet/unet-config.ts";
import { openControl, type Steerable } from "../../src/systems/parts/control.ts";
import { elementCount } from "../../src/tensor/tensor.ts";
import { fixturePath, readJson } from "../support/fixtures.ts";

const root = mkdtempSync(join(tmpdir(), "deepcache-control-"));
afterAll(() => rmSync(root, { recursive: true }));

const steerable = (kind: string): Steerable => ({
  name: kind,
  unet: unetConfig(readJson(`pipelines/${kind}/model/unet/config.json`)),
  factor: 8,
});
const SD15 = steerable("sd15");
const FOLDER = fixturePath("adapters/sd15/controlnet-0");
const ORIGINAL = fixturePath("adapters/sd15/controlnet-0-original.safetensors");

/** A copy of a stored network's folder with other settings. */
function changed(name: string, fields: object, of = FOLDER): string {
  const folder = join(root, name);
  mkdirSync(folder);
  cpSync(of, folder, { recursive: true });
  const config = JSON.parse(readFileSync(join(of, "config.json"), "utf8"));
  writeFileSync(join(folder, "config.json"), JSON.stringify({ ...config, ...fields }));
  return folder;
}

describe("openControl()", () => {
  test("reads a ControlNet's folder and its original file as the same network", async () => {
    const [folder, file] = [await openControl(FOLDER, SD15), await openControl(ORIGINAL, SD15)];
    expect([folder.name, file.name]).toEqual(["controlnet-0", "controlnet-0-original"]);
    expect(file.network.config).toEqual({
      ...folder.network.config,
      unet: { ...SD15.unet, timeConditionWidth: undefined },
    });
    const shapes = ({ network }: typeof file) =>
      new Map([...(network.weights ?? [])].map(([name, { shape }]) => [name, shape]));
    expect(shapes(file)).toEqual(shapes(folder));
  });

  test("reads a file in diffusers' names, settings from the model", async () => {
    const { network } = await openControl(join(FOLDER, "diffusion_pytorch_model.safetensors"), SD15);
    expect(network).toMatchObject({ kind: "controlnet", config: { hintWidths: [6, 8, 12, 16], hintChannels: 3 } });
  });

  test("reads a T2I-Adapter's folder and its file", async () => {
    const path = fixturePath("adapters/sd15/t2i-adapter");
    const folder = await openControl(path, SD15);
    expect(folder.network).toMatchObject({ kind: "t2i-adapter", config: { kind: "full", blocks: 2, downscale: 8 } });
    const file = await openControl(join(path, "diffusion_pytorch_model.safetensors"), SD15);
    expect(file.network.config).toEqual(folder.network.config);
  });

  test.each([
    [
      { block_out_channels: [8, 8, 16, 16] },
      /its levels are 8, 8, 16, 16 channels wide, those of the model's U-Net 8, 8, 8, 16$/,
    ],
    [{ cross_attention_dim: 24 }, /it takes prompts of width 24, the model's are 16 wide$/],
    [
      { conditioning_embedding_out_channels: [6, 8, 12] },
      /it makes pictures 4 times smaller, the model's autoencoder 8 times$/,
    ],
    [
      { _class_name: "ControlNetXSAdapter" },
      /its class is "ControlNetXSAdapter", "ControlNetModel" or "T2IAdapter" is required$/,
    ],
    [{ encoder_hid_dim: 12 }, /"encoder_hid_dim" is 12 where no value is required$/],
  ])("refuses %o", async (fields, message) => {
    const folder = changed(`changed-${JSON.stringify(fields).length}-${Object.keys(fields)[0]}`, fields);
    await expect(openControl(folder, SD15)).rejects.toThrow(message);
  });

  test("refuses what steers another kind of model", async () => {
    await expect(openControl(fixturePath("adapters/sdxl/controlnet-0"), SD15)).rejects.toThrow(
      /^Cannot steer "sd15" by ".*controlnet-0": its levels are 8, 8, 8 channels wide, those of the model's U-Net 8, 8, 8, 16$/,
    );
    await expect(openControl(ORIGINAL, steerable("sdxl"))).rejects.toThrow(
      /^Cannot steer "sdxl" by ".*original.safetensors": it takes prompts of width 16, the model's are 20 wide$/,
    );
  });

  test.each([
    ["body.0.block1.weight", [4, 4], [4, 7, 3, 3], '"conv_in.weight" takes no square of pixels'],
    ["adapter.body.0.block1.weight", [4, 4], [4, 192, 3, 3], "a level has no block"],
  ])("refuses a file that begins as a T2I-Adapter by %s and is none", async (name, shape, first, reason) => {
    const zeros = (sizes: readonly number[]) => ({ data: new Float32Array(elementCount(sizes)), shape: sizes });
    const convolution = name.startsWith("adapter.") ? "adapter.conv_in.weight" : "conv_in.weight";
    const file = await joinPieces(encodeSafetensors({ [name]: zeros(shape), [convolution]: zeros(first) }));
    await expect(openControl(memorySource(file, "odd.safetensors"), SD15)).rejects.toThrow(
      `Cannot open "odd.safetensors" as a T2I-Adapter: ${reason}`,
    );
  });

  test("refuses files of other kinds, and places where nothing lies", async () => {
    const unet = fixturePath("pipelines/sd15/model/unet/diffusion_pytorch_model.safetensors");
    await openCheckpoint(unet);
    await expect(openControl(unet, SD15)).rejects.toThrow(
      /it has neither the tensors of a ControlNet nor of a T2I-Adapter$/,
    );
    await expect(openControl(join(root, "nothing"), SD15)).rejects.toThrow(
      /^Cannot open the control network ".*nothing": there is no such file or folder$/,
    );
  });
});
