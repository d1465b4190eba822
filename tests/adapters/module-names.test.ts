import { expect, test } from "vitest";
import { type LoraPart, moduleFinder } from "../../src/adapters/lora/module-names.ts";
import { fileSource } from "../../src/checkpoint/bytes/byte-sources/file.ts";
import { readCheckpoint } from "../../src/checkpoint/read-checkpoint.ts";
import type { Weights } from "../../src/checkpoint/weights.ts";
import { unetConfig } from "../../src/models/unet/unet-config.ts";
import { openSingleFile } from "../../src/originals/stable-diffusion/single-file.ts";
import { openStableDiffusion } from "../../src/systems/stable-diffusion.ts";
import { fixturePath } from "../support/fixtures.ts";

const SINGLE = fixturePath("original/single/model.safetensors");
const CONFIG = fixturePath("original/single/config.yaml");

/** What of a model its modules are found in. */
interface Named {
  readonly layers: readonly number[];
  readonly weights: Readonly<Record<LoraPart, Weights | undefined>>;
}

async function openFolder(name: string): Promise<Named> {
  const { unet, textEncoder, second } = await openStableDiffusion(fixturePath(name));
  const weights = { unet: unet.weights, text: textEncoder.weights, secondText: second?.textEncoder.weights };
  return { layers: unet.config.down.map(({ layers }) => layers), weights };
}

async function openSingle(): Promise<Named> {
  const { unet, textEncoders } = await openSingleFile(SINGLE, { configPath: CONFIG });
  const [text, secondText] = textEncoders.map(({ weights }) => weights);
  const { down } = unetConfig(unet.config, SINGLE);
  return { layers: down.map(({ layers }) => layers), weights: { unet: unet.weights, text, secondText } };
}

const flat = (name: string): string => name.replaceAll(".", "_");
const modules = (keys: Iterable<string> = []): readonly string[] =>
  [...keys].flatMap((key) => (key.endsWith(".weight") ? [key.slice(0, -".weight".length)] : []));

test.each([
  ["a folder", () => openFolder("pipelines/sd15/model")],
  ["a folder of SDXL", () => openFolder("pipelines/sdxl/model")],
  ["a single file in the original names", openSingle],
])("every module of %s is found by kohya's and by diffusers' name", async (name, open) => {
  const { layers, weights } = await open();
  const find = moduleFinder({ name, layers, weights });
  const prefixes = [
    ["unet", "lora_unet_", "unet."],
    ["text", weights.secondText === undefined ? "lora_te_" : "lora_te1_", "text_encoder."],
    ["secondText", "lora_te2_", "text_encoder_2."],
  ] as const;
  for (const [part, kohya, diffusers] of prefixes) {
    for (const module of modules(weights[part]?.keys())) {
      const found = { part, key: `${module}.weight` };
      const long = part === "unet" || module.startsWith("text_model.") ? module : `text_model.${module}`;
      expect(find(kohya + flat(long)), module).toEqual(found);
      expect(find(diffusers + module), module).toEqual(found);
    }
  }
});

test("every module of a U-Net is found by its original name, each at the place of its own tensor", async () => {
  const { weights } = await readCheckpoint(await fileSource(SINGLE));
  const model = await openSingle();
  const find = moduleFinder({ name: SINGLE, ...model });
  const prefix = "model.diffusion_model.";
  const originals = modules([...weights.keys()].filter((key) => key.startsWith(prefix)));
  expect(originals.length).toBeGreaterThan(100);
  for (const module of originals) {
    const offset = weights.get(`${module}.weight`)?.span.offset;
    for (const name of [`lora_unet_${flat(module.slice(prefix.length))}`, module]) {
      expect(model.weights.unet?.get(find(name)?.key ?? "")?.span.offset, name).toBe(offset);
    }
  }
});
