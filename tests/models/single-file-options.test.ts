import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { fileSource } from "../../src/checkpoint/byte-sources/file.ts";
import type { CheckpointFile } from "../../src/checkpoint/checkpoint-file.ts";
import { readCheckpoint } from "../../src/checkpoint/read-checkpoint.ts";
import { clipTextConfig, clipTextModel, tokenInput } from "../../src/models/clip-text.ts";
import { describeSingleFile, openSingleFile } from "../../src/models/single-file.ts";
import { originalTensors } from "../../src/models/single-file-shapes.ts";
import { TEXT_TOWERS } from "../../src/models/single-file-text.ts";
import { originalConfig } from "../../src/models/single-file-yaml.ts";
import { temporaryFolder } from "../checkpoint/files.ts";
import { fixturePath, readFixture } from "../support/fixtures.ts";
import { runGraph } from "../support/run-graph.ts";
import { NETWORK_CALL } from "../support/tolerances.ts";
import { idRows } from "./graphs.ts";
import { imaginedFile, publishedFile } from "./original-names.ts";

type Tensors = readonly (readonly [string, readonly number[]])[];
const tensorsOf = ({ weights }: CheckpointFile): Tensors => [...weights].map(([key, { shape }]) => [key, shape]);
const SD15 = tensorsOf(publishedFile("sd-1.5"));
const describeTensors = (tensors: Tensors, options = {}) =>
  describeSingleFile(imaginedFile(tensors), "x.ckpt", options);

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
    await expect(open("bomb.yaml")).rejects.toThrow(/bomb\.yaml": it is not YAML$/);
    await expect(open("none.yaml")).rejects.toThrow(/none\.yaml": there is no such file$/);
  });
});

/** Aliases that stand for ten to the ninth values. */
const bomb = (): string =>
  `a0: &a0 [1]\n${Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i}, `.repeat(10)}]\n`).join("")}`;

describe("averaged weights", () => {
  const average = (key: string): string => `model_ema.${key.slice("model.".length).replaceAll(".", "")}`;
  const averages: Tensors = SD15.filter(([key]) => key.startsWith("model.diffusion_model.")).map(([key, shape]) => [
    average(key),
    shape,
  ]);
  const both: Tensors = [...SD15, ...averages, ["model_ema.decay", []], ["model_ema.num_updates", []]];

  test("are preferred to those they average, unless told otherwise", () => {
    const file = imaginedFile(both);
    const key = "model.diffusion_model.input_blocks.1.0.in_layers.2.weight";
    const taken = (ema: boolean | undefined) =>
      describeSingleFile(file, "x", { ema }).unet.weights.get("down_blocks.0.resnets.0.conv1.weight");
    expect(average(key)).toBe("model_ema.diffusion_modelinput_blocks10in_layers2weight");
    expect(taken(undefined)).toEqual(file.weights.get(average(key)));
    expect(taken(true)).toEqual(taken(undefined));
    expect(taken(false)).toEqual(file.weights.get(key));
  });

  test("must be complete and of the same shapes", () => {
    expect(() => describeTensors(both.filter(([key]) => !key.endsWith("out2bias")))).toThrow(
      'Cannot read "x.ckpt" as a Stable Diffusion model: it has averaged weights, but "model_ema.diffusion_modelout2bias" is not among them',
    );
    const wrong = both.map(([key, shape]) => [key, key.endsWith("out2bias") ? [5] : shape] as const);
    expect(() => describeTensors(wrong)).toThrow(
      '"model_ema.diffusion_modelout2bias" has the shape [5] where [4] is required',
    );
    expect(() => describeTensors(wrong, { ema: false })).not.toThrow();
  });
});

describe("a single file", () => {
  const without = (prefix: string): Tensors => SD15.filter(([key]) => !key.startsWith(prefix));

  test("may hold what training left in it", () => {
    const kept = [
      "betas",
      "alphas_cumprod",
      "sqrt_recipm1_alphas_cumprod",
      "posterior_mean_coef1",
      "logvar",
      "lvlb_weights",
      "scale_factor",
    ];
    const training = [
      "first_stage_model.loss.discriminator.main.0.weight",
      "cond_stage_model.transformer.text_model.embeddings.position_ids",
    ];
    const model = describeTensors([...SD15, ...[...kept, ...training].map((key): [string, number[]] => [key, [1]])]);
    expect(model.unet.weights.size + model.vae.weights.size + model.textEncoders[0]!.weights.size).toBe(SD15.length);
  });

  test.each([
    [
      [...SD15, ["control_model.x", [1]], ["lora.y", [1]]],
      '"control_model.x", "lora.y" belong to none of its networks',
    ],
    [
      [...SD15, ["model.diffusion_model.label_emb.weight", [1]]],
      '"model.diffusion_model.label_emb.weight" belong to none',
    ],
    [[...SD15, ["first_stage_model.encoder.down.0.attn.0.q.weight", [1]]], "belong to none of its networks"],
    [[...SD15, ["model.diffusion_model.constructor.weight", [1]]], "belong to none of its networks"],
    [
      without("cond_stage_model."),
      'it has no text encoder that is known; looked for "conditioner.embedders.0.transformer.…" and',
    ],
    [without("first_stage_model."), 'it has no tensors "first_stage_model.…" (it has "cond_stage_model.'],
    [without("model.diffusion_model."), 'it has no tensors "model.diffusion_model.…"'],
    [without("model.diffusion_model.out.2"), 'it has no tensor "model.diffusion_model.out.2.weight"'],
    [without("first_stage_model.decoder.conv_in"), 'it has no tensor "first_stage_model.decoder.conv_in.weight"'],
    [
      without("cond_stage_model.transformer.text_model.embeddings."),
      'it has no tensor "cond_stage_model.transformer.embeddings.token_embedding.weight"',
    ],
    [[["a", [1]]], 'it has no tensors "model.diffusion_model.…" (it has "a")'],
  ] as readonly (readonly [Tensors, string])[])("is refused by name %#", (tensors, message) => {
    expect(() => describeTensors(tensors)).toThrow('Cannot read "x.ckpt" as a Stable Diffusion model: ');
    expect(() => describeTensors(tensors)).toThrow(message);
  });

  test("with a shape too short for its place is refused", () => {
    const flat = SD15.map(([key, shape]) => [key, key.endsWith("input_blocks.0.0.weight") ? [320] : shape] as const);
    expect(() => describeTensors(flat)).toThrow('input_blocks.0.0.weight" has the shape [320], which is too short');
  });

  test("with heads that do not divide its channels is refused", () => {
    const odd = tensorsOf(publishedFile("sd-2.1")).map(
      ([key, shape]) => [key, /input_blocks.[12].0.out_layers.3.weight$/.test(key) ? [300, 320, 3, 3] : shape] as const,
    );
    expect(() => describeTensors(odd)).toThrow("its level of 300 channels does not divide into heads of 64");
  });

  test("with more blocks than any model is refused at once", () => {
    const blocks = Array.from(
      { length: 100_000 },
      (_, i) => [`model.diffusion_model.input_blocks.${i + 1}.0.op.weight`, [1]] as const,
    );
    expect(() => describeTensors([...SD15, ...blocks])).toThrow(
      'tensors "model.diffusion_model.input_blocks.…", at most 256 are read',
    );
  });
});

describe("OpenCLIP's text tower", () => {
  const io = readFixture("original/open-clip/io.safetensors");

  async function run(penultimate: boolean | undefined, choices = {}) {
    const file = await readCheckpoint(await fileSource(fixturePath("original/open-clip/model.safetensors")));
    const tensors = originalTensors(file.weights, "", (reason) => {
      throw new Error(reason);
    });
    const [reader] = penultimate === undefined ? TEXT_TOWERS.sdxl.slice(1) : TEXT_TOWERS["sd-2"];
    const { config: json, map } = reader!.read(tensors, penultimate ?? true);
    const weights = new Map([...file.weights].flatMap(([key, weight]) => map(key, weight) ?? []));
    const config = clipTextConfig(json);
    expect(config.heads).toBe(2);
    const ids = tokenInput(idRows(io.tensor("input_ids")), config);
    const graph = clipTextModel(config, { batch: ids.shape[0], length: ids.shape[1], ...choices }, weights);
    return runGraph(graph, { input_ids: ids });
  }

  test("gives SDXL the last state but one, and the projection of the last", async () => {
    const { context, text_embeds: embeds } = await run(undefined, { skip: 1, finalNorm: false });
    expect(context).toBeCloseTensor(io.tensor("penultimate"), NETWORK_CALL);
    expect(embeds).toBeCloseTensor(io.tensor("text_embeds"), NETWORK_CALL);
  });

  test("gives Stable Diffusion 2 the normed state of its last layer but one, or of its last", async () => {
    expect((await run(true))["context"]).toBeCloseTensor(io.tensor("penultimate_normed"), NETWORK_CALL);
    expect((await run(false))["context"]).toBeCloseTensor(io.tensor("last_hidden_state"), NETWORK_CALL);
  });
});
