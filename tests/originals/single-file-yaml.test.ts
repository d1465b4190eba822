import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { describeSingleFile, openSingleFile } from "../../src/originals/stable-diffusion/single-file.ts";
import { originalConfig } from "../../src/originals/stable-diffusion/yaml.ts";
import { temporaryFolder } from "../checkpoint/files.ts";
import { fixturePath } from "../support/fixtures.ts";
import { publishedFile } from "./original-names.ts";

const AUTOENCODER = {
  params: {
    ddconfig: {
      double_z: true,
      z_channels: 4,
      in_channels: 3,
      out_ch: 3,
      ch: 128,
      ch_mult: [1, 2, 4, 4],
      num_res_blocks: 2,
      attn_resolutions: [],
    },
  },
};
const UNET_FOUR_LEVELS = {
  in_channels: 4,
  out_channels: 4,
  model_channels: 320,
  attention_resolutions: [4, 2, 1],
  num_res_blocks: 2,
  channel_mult: [1, 2, 4, 4],
  use_spatial_transformer: true,
  transformer_depth: 1,
  legacy: false,
};
const TRAINING = {
  linear_start: 0.00085,
  linear_end: 0.012,
  timesteps: 1000,
  scale_factor: 0.18215,
  first_stage_config: AUTOENCODER,
};
/** What the original YAML files say, as far as it matters. */
const YAMLS = {
  "sd-1.5": {
    model: {
      params: { ...TRAINING, unet_config: { params: { ...UNET_FOUR_LEVELS, num_heads: 8, context_dim: 768 } } },
    },
  },
  "sd-2.1": {
    model: {
      params: {
        ...TRAINING,
        parameterization: "v",
        unet_config: {
          params: { ...UNET_FOUR_LEVELS, num_head_channels: 64, context_dim: 1024, use_linear_in_transformer: true },
        },
        cond_stage_config: { params: { freeze: true, layer: "penultimate" } },
      },
    },
  },
  sdxl: {
    model: {
      params: {
        scale_factor: 0.13025,
        denoiser_config: {
          params: {
            num_idx: 1000,
            scaling_config: { target: "sgm.modules.diffusionmodules.denoiser_scaling.EpsScaling" },
          },
        },
        network_config: {
          params: {
            ...UNET_FOUR_LEVELS,
            adm_in_channels: 2816,
            num_classes: "sequential",
            attention_resolutions: [4, 2],
            channel_mult: [1, 2, 4],
            num_head_channels: 64,
            use_linear_in_transformer: true,
            transformer_depth: [1, 2, 10],
            context_dim: 2048,
          },
        },
        first_stage_config: AUTOENCODER,
      },
    },
  },
};

describe("the YAML of an original repository", () => {
  test.each(Object.keys(YAMLS) as (keyof typeof YAMLS)[])("of %s says what its tensors say", (name) => {
    const file = publishedFile(name);
    const described = describeSingleFile(file, "x", { config: originalConfig(YAMLS[name], "x.yaml") });
    expect(described).toEqual(describeSingleFile(file, "x"));
  });

  const sd2 = (changes: object, unet: object = {}) => {
    const { params } = YAMLS["sd-2.1"].model;
    const unetParams = { ...params.unet_config.params, ...unet };
    return originalConfig(
      { model: { params: { ...params, unet_config: { params: unetParams }, ...changes } } },
      "x.yaml",
    );
  };

  test("decides what a network of Stable Diffusion 2 predicts", () => {
    const describe2 = (parameterization: string | undefined) =>
      describeSingleFile(publishedFile("sd-2.1"), "x", { config: sd2({ parameterization }) });
    expect(describe2("v").scheduler).toMatchObject({ prediction_type: "v_prediction" });
    expect(describe2("v").unet.config["sample_size"]).toBe(96);
    expect(describe2(undefined).scheduler).toMatchObject({ prediction_type: "epsilon" });
    expect(describe2(undefined).unet.config["sample_size"]).toBe(64);
  });

  test("may keep OpenCLIP's last layer", () => {
    const config = sd2({ cond_stage_config: { params: { layer: "last" } } });
    const [text] = describeSingleFile(publishedFile("sd-2.1"), "x", { config }).textEncoders;
    expect(text?.config["num_hidden_layers"]).toBe(24);
    expect(text?.weights.has("text_model.encoder.layers.23.mlp.fc1.weight")).toBe(true);
  });

  test.each([
    [
      { parameterization: "x0" },
      {},
      'Cannot use config "x.yaml: model: params": "parameterization" is "x0" where "eps" or "v" is required',
    ],
    [{ scale_factor: "large" }, {}, '"scale_factor" is "large" where a number is required'],
    [
      { first_stage_config: {} },
      {},
      '"x.yaml: model: params: first_stage_config: params: ddconfig": "in_channels" is missing',
    ],
    [
      {},
      { model_channels: undefined },
      '"x.yaml: model: params: unet_config: params": "model_channels" is missing where a whole number is required',
    ],
    [{}, { num_head_channels: 48 }, '"num_head_channels" is 48 where a divisor of 320 channels is required'],
    [{}, { channel_mult: 4 }, '"channel_mult" is 4 where a list of positive whole numbers is required'],
    [
      {},
      { num_res_blocks: [2, 2] },
      '"num_res_blocks" is [2,2] where one value, or a list of 4, one for each level is required',
    ],
    [
      {},
      { context_dim: [768, 1024, 768, 768] },
      '"context_dim" is [768,1024,768,768] where one width for all levels is required',
    ],
    [{}, { num_classes: 1000 }, '"num_classes" is 1000 where "sequential" is required'],
    [{}, { use_spatial_transformer: false }, '"use_spatial_transformer" is false where true is required'],
    [{ unet_config: [] }, {}, "where an object is required"],
  ])("is refused by name: %j %j", (changes, unet, message) => {
    expect(() => sd2(changes, unet)).toThrow(message);
  });

  test("that is none is refused", async () => {
    const folder = temporaryFolder({ "list.yaml": "- 1\n", "broken.yaml": "a: [1\n", "bomb.yaml": bomb() });
    const file = fixturePath("original/single/model.safetensors");
    const open = (name: string) => openSingleFile(file, { configPath: join(folder, name) });
    await expect(open("list.yaml")).rejects.toThrow(/list\.yaml": it is not a YAML mapping$/);
    await expect(open("broken.yaml")).rejects.toThrow(/broken\.yaml": it is not YAML$/);
    await expect(open("bomb.yaml")).rejects.toThrow(/bomb\.yaml": it uses aliases too often, at most \d+ are read$/);
    await expect(open("none.yaml")).rejects.toThrow(/none\.yaml": there is no such file$/);
  });
});

/** Aliases that stand for ten to the ninth values. */
const bomb = (): string =>
  `a0: &a0 [1]\n${Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i}, `.repeat(10)}]\n`).join("")}`;
