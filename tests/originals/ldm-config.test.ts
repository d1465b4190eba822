import { describe, expect, test } from "vitest";
import type { ByteSource } from "../../src/checkpoint/bytes/byte-source.ts";
import { memorySource } from "../../src/checkpoint/bytes/byte-sources/memory.ts";
import type { Weights } from "../../src/checkpoint/weights.ts";
import { ldmConfig } from "../../src/originals/latent-diffusion/ldm-config.ts";
import { latentDiffusionParts } from "../../src/originals/latent-diffusion/ldm-parts.ts";
import { CIN256, changed } from "./ldm-configs.ts";

describe("ldmConfig()", () => {
  const params = "model.params";
  const unetParams = `${params}.unet_config.params`;
  const coder = `${params}.first_stage_config.params.ddconfig`;

  test("reads heads by their width, attention of the first stage, and what the code assumes", () => {
    const narrow = changed(changed(CIN256, `${unetParams}.num_heads`, -1), `${unetParams}.num_head_channels`, 32);
    const attended = changed(changed(narrow, `${coder}.attn_resolutions`, [64]), `${params}.linear_start`, undefined);
    const { unet: config, firstStage, schedule } = ldmConfig(attended);
    expect(config.down.map(({ attention }) => attention)).toMatchObject([
      { kind: "none" },
      { heads: 12 },
      { heads: 18 },
      { heads: 30 },
    ]);
    expect(config.mid?.attention).toMatchObject({ kind: "cross", heads: 30 });
    expect(firstStage.attentionLevels).toEqual([false, false, true]);
    expect(schedule).toMatchObject({ beta_schedule: "linear", linear_start: 1e-4, parameterization: "eps" });
  });

  test.each<[string, unknown, string]>([
    ["model", undefined, 'Cannot use config "c.yaml": "model" is missing where a section is required'],
    ["model.target", "ldm.LatentUpscaleDiffusion", '"c.yaml: model": "target" is "ldm.LatentUpscaleDiffusion" where a'],
    ["model.params", 3, 'Cannot read config "c.yaml: model: params": it holds 3 where an object is required'],
    [`${params}.conditioning_key`, "concat", '"conditioning_key" is "concat" where "crossattn" is required'],
    [`${params}.conditioning_key`, undefined, '"conditioning_key" is missing where "crossattn" is required'],
    [`${params}.channels`, 4, '"channels" is 4 where 3 as in "unet_config: params: in_channels" is required'],
    [`${params}.beta_schedule`, "sqrt", '"beta_schedule" is "sqrt" where "linear" or "sqrt_linear" or "cosine"'],
    [`${params}.scale_factor`, 0, '"scale_factor" is 0 where a number above 0 is required'],
    [`${params}.timesteps`, 0, '"timesteps" is 0 where a whole number from 1 to 100000 is required'],
    [`${params}.unet_config`, undefined, '"unet_config" is missing where a section is required'],
    [
      `${params}.unet_config.target`,
      "x.EncoderUNetModel",
      '"target" is "x.EncoderUNetModel" where a path that ends in',
    ],
    [`${unetParams}.model_channels`, undefined, 'unet_config: params": "model_channels" is missing where a whole'],
    [`${unetParams}.model_channels`, 200, '"model_channels" is 200 where a multiple of 32 is required'],
    [`${unetParams}.channel_mult`, [2, 4], '"channel_mult" is [2,4] where a list that begins with 1 is required'],
    [`${unetParams}.attention_resolutions`, "8", '"attention_resolutions" is "8" where a list of positive whole'],
    [`${unetParams}.num_heads`, 7, '"num_heads" is 7 where a divisor of 384 channels is required'],
    [`${unetParams}.num_heads`, undefined, '"num_heads" is missing where a divisor of 384 channels is required'],
    [`${unetParams}.num_head_channels`, 100, '"num_head_channels" is 100 where a divisor of 384 channels is required'],
    [`${unetParams}.use_spatial_transformer`, undefined, '"use_spatial_transformer" is missing where true is required'],
    [`${unetParams}.context_dim`, undefined, '"context_dim" is missing where a whole number is required'],
    [`${unetParams}.context_dim`, 768, '"embed_dim" is 512 where 768 as in "unet_config: params: context_dim"'],
    [`${unetParams}.resblock_updown`, true, '"resblock_updown" is true where false is required'],
    [`${unetParams}.num_classes`, 1000, '"num_classes" is 1000 where no value is required'],
    [`${unetParams}.num_res_blocks`, [2, 2], '"num_res_blocks" is [2,2] where one value, or a list of 4'],
    [
      `${params}.first_stage_config.target`,
      "ldm.models.autoencoder.AutoencoderKL",
      'a path that ends in "VQModelInter',
    ],
    [`${params}.first_stage_config.params.embed_dim`, 4, '"channels" is 3 where 4 as in "first_stage_config: params'],
    [`${coder}.double_z`, true, 'first_stage_config: params: ddconfig": "double_z" is true where false is required'],
    [`${params}.cond_stage_config.target`, "x.FrozenCLIPEmbedder", 'a path that ends in "ClassEmbedder" is required'],
  ])("refuses %s %j", (path, value, message) => {
    expect(() => ldmConfig(changed(CIN256, path, value), "c.yaml")).toThrow(message);
  });
});

describe("latentDiffusionParts()", () => {
  const sourceNamed = (name: string): ByteSource => memorySource(new Uint8Array(), name);
  const weightsOf = (...keys: string[]): Weights =>
    new Map(
      keys.map(
        (key) => [key, { dtype: "F32", shape: [1], span: { source: sourceNamed(key), offset: 0, length: 4 } }] as const,
      ),
    );
  const base = [
    "model.diffusion_model.out.2.bias",
    "first_stage_model.quant_conv.bias",
    "cond_stage_model.embedding.weight",
  ];
  const [RAW = ""] = base;
  const AVERAGE = "model_ema.diffusion_modelout2bias";

  test("leaves out what only training uses", () => {
    const training = [
      "betas",
      "posterior_mean_coef1",
      "model_ema.decay",
      "first_stage_model.loss.discriminator.weight",
    ];
    const parts = latentDiffusionParts(weightsOf(...base, ...training), "x.ckpt");
    expect([...parts.unet.keys()]).toEqual(["out.2.bias"]);
    expect([...parts.firstStage.keys()]).toEqual(["quant_conv.bias"]);
    expect([...parts.condition.keys()]).toEqual(["embedding.weight"]);
    expect(parts.averaged).toBe(false);
  });

  test("takes averaged weights where there are any", () => {
    const parts = latentDiffusionParts(weightsOf(...base, AVERAGE, "model_ema.num_updates"), "x.ckpt");
    expect(parts.averaged).toBe(true);
    expect(parts.unet.get("out.2.bias")?.span.source.name).toBe(AVERAGE);
    const two = weightsOf(...base, "model.diffusion_model.out.0.bias", AVERAGE);
    expect(() => latentDiffusionParts(two, "x.ckpt")).toThrow(
      'Cannot use the averaged weights of "x.ckpt": it lacks "model_ema.diffusion_modelout0bias"',
    );
  });

  test.each(["model_ema.diffusion_modelout9bias", "posterior", "control_model.x", `${RAW}`.replace("model.", "")])(
    "refuses %s",
    (key) => {
      expect(() => latentDiffusionParts(weightsOf(...base, key), "x.ckpt")).toThrow(
        `Cannot use "x.ckpt" as a latent diffusion model: it has no use for "${key}"`,
      );
    },
  );
});
