import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { randomWeights, unetWeightShapes } from "../../../src/benchmark/random-weights.ts";
import { writeSafetensors } from "../../../src/checkpoint/safetensors/write-safetensors.ts";
import { readYamlFile } from "../../../src/checkpoint/text/yaml-file.ts";
import { unetConfig } from "../../../src/models/unet/unet-config.ts";
import { ddpmConfig } from "../../../src/originals/ddpm/ddpm-config.ts";
import { ddpmLayerNames } from "../../../src/originals/ddpm/ddpm-keys.ts";
import { elementCount, type Tensor } from "../../../src/tensor/tensor.ts";
import { torchGenerator } from "../../../src/tensor/torch-generator.ts";
import { fixturePath } from "../fixtures.ts";

/** Flags that open a small model in the place of a published one of the same levels, layers and file layout. */
export type ModelFlags = readonly string[];

const SMALL = ["--width", "32", "--height", "32"];

/** LDM-4-G's checkpoint and YAML. */
export const smallLdm = (): ModelFlags => {
  const folder = fixturePath("original/ldm");
  return ["--model", join(folder, "model.ckpt"), "--config", join(folder, "config.yaml")];
};

/** A Stable Diffusion folder. */
export const smallStableDiffusion = (): ModelFlags => ["--model", fixturePath("pipelines/sd15/model"), ...SMALL];

/** The same with one of BK-SDM's U-Nets, random weights and all. */
export async function smallBkSdm(folder: string, kind: string): Promise<ModelFlags> {
  cpSync(fixturePath("pipelines/sd15/model"), folder, { recursive: true });
  const unet = join(folder, "unet");
  rmSync(unet, { recursive: true });
  mkdirSync(unet);
  const published = JSON.parse(readFileSync(fixturePath(`models/unet-bk-${kind}/config.json`), "utf8"));
  const config = { ...published, cross_attention_dim: 16 }; // as wide as the folder's text encoder
  writeFileSync(join(unet, "config.json"), JSON.stringify(config));
  const pieces: Uint8Array[] = [];
  for await (const piece of randomWeights(unetWeightShapes(unetConfig(config)), "fp32")) pieces.push(piece);
  writeFileSync(join(unet, "diffusion_pytorch_model.safetensors"), Buffer.concat(pieces));
  return ["--model", folder, ...SMALL];
}

/** A checkpoint of the DDPM code in its own names, with a config.yml of `levels` levels of images of `size` pixels. */
export async function smallDdpm(folder: string, levels: number, size: number): Promise<ModelFlags> {
  mkdirSync(folder);
  const yaml = join(folder, "config.yml");
  const published = readFileSync(fixturePath("original/ddpm-cifar/config.yml"), "utf8");
  const factors = Array.from({ length: levels }, () => "  - 1\n").join("");
  writeFileSync(
    yaml,
    published
      .replace("image_size: 16", `image_size: ${size}`)
      .replace(/ {2}ch_mult:\n(?: {2}- 1\n)+/, `  ch_mult:\n${factors}`),
  );
  const config = ddpmConfig(await readYamlFile(yaml)).unet;
  const names = new Map(ddpmLayerNames(config).map(([original, current]) => [current, original]));
  const generator = torchGenerator(1);
  const tensors = [...unetWeightShapes(config)].map(([name, shape]): [string, Tensor] => {
    const [, layer = "", part = ""] = /^(.*)\.(weight|bias)$/.exec(name) ?? [];
    const inputs = elementCount(shape.slice(1));
    const { data } = generator.randn(shape);
    // Norms stay the identity, so that activations keep their size.
    const values = data.map((value) => (inputs > 1 ? value / Math.sqrt(inputs) : part === "weight" ? 1 : 0));
    return [`${names.get(layer)}.${part}`, { data: values, shape }];
  });
  const model = join(folder, "model.safetensors");
  await writeSafetensors(model, Object.fromEntries(tensors));
  return ["--model", model, "--config", yaml];
}
