import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { fileSource } from "../../src/checkpoint/bytes/byte-sources/file.ts";
import { memorySource } from "../../src/checkpoint/bytes/byte-sources/memory.ts";
import { readCheckpoint } from "../../src/checkpoint/read-checkpoint.ts";
import { writeSafetensors } from "../../src/checkpoint/safetensors/write-safetensors.ts";
import type { Weight, Weights } from "../../src/checkpoint/weights.ts";
import { type ClipConfig, clipConfig, clipImageModel, clipModel, clipPromptModel } from "../../src/models/clip/clip.ts";
import { tokenInput } from "../../src/models/clip/clip-text.ts";
import { mappedWeights } from "../../src/originals/keys/key-map.ts";
import { openClipModelWeights } from "../../src/originals/open-clip/keys.ts";
import { openClipConfig } from "../../src/originals/open-clip/open-clip-config.ts";
import { elementCount } from "../../src/tensor/tensor.ts";
import { weightNames } from "../models/graphs.ts";
import { NETWORK_CALL } from "../support/assertions/tolerances.ts";
import { fixturePath, readFixture, readJson } from "../support/fixtures.ts";
import { namedPixels, namedWeights } from "../support/models/named-weights.ts";
import { runGraph } from "../support/runtimes/run-graph.ts";

const folder = mkdtempSync(join(tmpdir(), "deepcache-open-clip-"));
afterAll(() => rmSync(folder, { recursive: true }));

interface Described {
  readonly config: object;
  readonly shapes: Readonly<Record<string, readonly number[]>>;
}
const cases = readJson("perceptual/clip.json") as {
  readonly words: readonly (readonly number[])[];
  readonly openClip: Readonly<Record<string, Described>>;
  readonly transformers: Readonly<Record<string, Described>>;
};
const expected = readFixture("perceptual/expected.safetensors");

async function written(name: string, { shapes }: Described): Promise<Weights> {
  const path = join(folder, `${name}.safetensors`);
  await writeSafetensors(path, namedWeights(shapes));
  return (await readCheckpoint(await fileSource(path))).weights;
}

async function checkTowers(name: string, config: ClipConfig, weights: Weights): Promise<void> {
  const ids = tokenInput(cases.words, config.text);
  const image = await runGraph(clipImageModel(config, { batch: 2 }, weights), { pixel_values: namedPixels(2, 24) });
  expect(image["image_embeds"]).toBeCloseTensor(expected.tensor(`${name}.image`), NETWORK_CALL);
  const text = await runGraph(clipPromptModel(config, { batch: 2, length: 8 }, weights), { input_ids: ids });
  expect(text["text_embeds"]).toBeCloseTensor(expected.tensor(`${name}.text`), NETWORK_CALL);
}

describe("both towers give what the reference gives", () => {
  test.each(Object.entries(cases.openClip))("OpenCLIP's %s", async (name, described) => {
    const weights = mappedWeights(await written(`open-clip.${name}`, described), openClipModelWeights);
    await checkTowers(`open-clip.${name}`, openClipConfig(described.config), weights);
  });

  test.each(Object.entries(cases.transformers))("transformers' %s", async (name, described) => {
    const weights = await written(`transformers.${name}`, described);
    await checkTowers(`transformers.${name}`, clipConfig(described.config), weights);
  });
});

describe("published configs", () => {
  const names = JSON.parse(gunzipSync(readFileSync(fixturePath("perceptual/names.json.gz"))).toString()) as Readonly<
    Record<string, Described>
  >;

  test.each(Object.entries(names))("%s asks for the tensors of OpenCLIP's model, each in its shape", (_, described) => {
    const stored = new Map(
      Object.entries(described.shapes).map(([name, shape]): [string, Weight] => [
        name,
        {
          dtype: "F32",
          shape,
          span: { source: memorySource(new Uint8Array(), "model"), offset: 0, length: 4 * elementCount(shape) },
        },
      ]),
    );
    const weights = mappedWeights(stored, openClipModelWeights);
    const graph = clipModel(openClipConfig(described.config), { images: 1, texts: 1, length: 77 }, weights);
    expect(weightNames(graph).sort()).toEqual([...weights.keys()].sort());
  });

  test("the heads and widths are OpenCLIP's", () => {
    const facts = Object.entries(names).map(([name, { config }]) => {
      const { text, vision } = openClipConfig(config);
      return [name, vision.width / vision.heads, vision.innerWidth, text.width / text.heads, vision.activation];
    });
    expect(facts).toEqual([
      ["ViT-B-32", 64, 3072, 64, "gelu"],
      ["ViT-L-14", 64, 4096, 64, "gelu"],
      ["ViT-L-14-336", 64, 4096, 64, "gelu"],
      ["ViT-H-14", 80, 5120, 64, "gelu"],
      ["ViT-g-14", 88, 6144, 64, "gelu"],
      ["ViT-bigG-14", 104, 8192, 64, "gelu"],
    ]);
  });
});

describe("openClipModelWeights", () => {
  test("leaves names alone that it does not know, so that the check of the weights names them", () => {
    const weight: Weight = {
      dtype: "F32",
      shape: [1],
      span: { source: memorySource(new Uint8Array(), "model"), offset: 0, length: 4 },
    };
    const keys = (...names: string[]) => [
      ...mappedWeights(new Map(names.map((name) => [name, weight])), openClipModelWeights).keys(),
    ];
    expect(keys("visual.attn_pool.query", "visual.transformer.resblocks.0.ls_1.gamma", "logit_scale")).toEqual([
      ...["visual.attn_pool.query", "visual.transformer.resblocks.0.ls_1.gamma", "logit_scale"],
    ]);
    expect(keys("attn_mask")).toEqual([]);
  });
});

describe("openClipConfig()", () => {
  test("fills in what OpenCLIP fills in, and takes the model's part alone", () => {
    const model = { embed_dim: 512, vision_cfg: {}, text_cfg: {} };
    const config = openClipConfig({ model_cfg: model, preprocess_cfg: {} });
    expect(config).toMatchObject({
      projection: 512,
      text: { width: 512, heads: 8, layers: 12, innerWidth: 2048, activation: "gelu", epsilon: 1e-5 },
      vision: { width: 768, heads: 12, layers: 12, innerWidth: 3072, imageSize: 224, patchSize: 16, channels: 3 },
    });
    expect(config.text).toMatchObject({ vocabularySize: 49408, positions: 77, pooling: { kind: "highest" } });
    expect(openClipConfig(model)).toEqual(config);
    expect(openClipConfig({ ...model, quick_gelu: true }).vision.activation).toBe("quick_gelu");
  });

  test("pools at the end's id where the config says so", () => {
    const { text } = openClipConfig({ embed_dim: 8, text_cfg: { pool_type: "eos", eos_id: 49407 } });
    expect(text.pooling).toEqual({ kind: "first", id: 49407 });
    expect(openClipConfig({ embed_dim: 8, text_cfg: { pool_type: "eos" } }).text.pooling).toEqual({
      kind: "first",
      id: 2,
    });
  });

  test.each([
    [{}, '"embed_dim" is missing where a whole number is required'],
    [{ embed_dim: 8, custom_text: true }, '"custom_text" is true where false is required'],
    [{ embed_dim: 8, multimodal_cfg: {} }, '"multimodal_cfg" is {} where no value is required'],
    [{ embed_dim: 8, vision_cfg: { layers: [3, 4, 6, 3] } }, '"layers" is [3,4,6,3] where a whole number is required'],
    [{ embed_dim: 8, vision_cfg: { timm_model_name: "vit" } }, '"timm_model_name" is "vit" where no value is required'],
    [{ embed_dim: 8, vision_cfg: { head_width: 100 } }, '"head_width" is 100 where a divisor of 768, the width,'],
    [{ embed_dim: 8, vision_cfg: { head_width: 0 } }, '"head_width" is 0'],
    [{ embed_dim: 8, vision_cfg: { patch_size: 225 } }, '"patch_size" is 225 where a whole number from 1 to 224'],
    [{ embed_dim: 8, vision_cfg: { patch_size: 0 } }, '"patch_size" is 0'],
    [{ embed_dim: 8, vision_cfg: { pool_type: "avg" } }, '"pool_type" is "avg" where "tok" is required'],
    [{ embed_dim: 8, vision_cfg: { image_size: [224, 224] } }, '"image_size" is [224,224]'],
    [{ embed_dim: 8, text_cfg: { hf_model_name: "roberta-base" } }, '"hf_model_name" is "roberta-base"'],
    [{ embed_dim: 8, text_cfg: { heads: 7 } }, '"heads" is 7 where a divisor of 512, the width, is required'],
    [{ embed_dim: 8, text_cfg: { pool_type: "last" } }, '"pool_type" is "last" where "argmax" or "eos" is required'],
    [{ embed_dim: 8, text_cfg: { no_causal_mask: true } }, '"no_causal_mask" is true where false is required'],
    [{ embed_dim: 8, text_cfg: { act_kwargs: { approximate: "tanh" } } }, '"act_kwargs" is {"approximate":"tanh"}'],
  ])("refuses %j", (config, message) => {
    expect(() => openClipConfig(config)).toThrow(message);
  });
});
