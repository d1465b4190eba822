import type { JsonObject } from "../../checkpoint/text/json.ts";

/** A U-Net as the original code describes it; lists run from the finest level to the coarsest. */
export interface OriginalUnet {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly channels: readonly number[];
  readonly layers: readonly number[];
  /** Which levels look at the prompt. */
  readonly attention: readonly boolean[];
  /** Transformer layers of every level; the middle has as many as the coarsest. */
  readonly depths: readonly number[];
  /** Heads of every level. */
  readonly heads: readonly number[];
  readonly contextWidth: number;
  readonly linearProjection: boolean;
  /** Width of SDXL's pooled text and sizes. */
  readonly additionWidth: number | undefined;
}

export interface OriginalAutoencoder {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly latentChannels: number;
  readonly channels: readonly number[];
  readonly layers: number;
}

export interface OriginalText {
  readonly width: number;
  readonly innerWidth: number;
  readonly layers: number;
  readonly positions: number;
  readonly vocabularySize: number;
  /** Width of what the pooled state is projected to, where the pipeline looks at it. */
  readonly projection: number | undefined;
  /** OpenAI's towers have an approximation of GELU. */
  readonly activation: "quick_gelu" | "gelu";
}

export interface OriginalSchedule {
  readonly start: number;
  readonly end: number;
  readonly timesteps: number;
}

export type Prediction = "epsilon" | "v_prediction";

/** One value where all are the same, as published files write it. */
const same = <T>(values: readonly T[]): T | readonly T[] =>
  values.every((value) => value === values[0]) ? (values[0] as T) : values;

/** config.json of diffusers' UNet2DConditionModel; `sampleSize` is in latent pixels. */
export function unetJson(unet: OriginalUnet, sampleSize: number): JsonObject {
  const types = (side: "Down" | "Up") =>
    unet.attention.map((attends) => (attends ? `CrossAttn${side}Block2D` : `${side}Block2D`));
  return {
    _class_name: "UNet2DConditionModel",
    act_fn: "silu",
    attention_head_dim: same(unet.heads),
    block_out_channels: unet.channels,
    center_input_sample: false,
    cross_attention_dim: unet.contextWidth,
    down_block_types: types("Down"),
    downsample_padding: 1,
    flip_sin_to_cos: true,
    freq_shift: 0,
    in_channels: unet.inChannels,
    layers_per_block: same(unet.layers),
    mid_block_scale_factor: 1,
    norm_eps: 1e-5,
    norm_num_groups: 32,
    out_channels: unet.outChannels,
    sample_size: sampleSize,
    transformer_layers_per_block: same(unet.depths),
    up_block_types: types("Up").reverse(),
    use_linear_projection: unet.linearProjection,
    ...(unet.additionWidth === undefined
      ? {}
      : {
          addition_embed_type: "text_time",
          addition_time_embed_dim: TIME_WIDTH,
          projection_class_embeddings_input_dim: unet.additionWidth,
        }),
  };
}

/** What each of SDXL's six sizes is embedded in; the original configs never have another. */
const TIME_WIDTH = 256;

/** config.json of diffusers' AutoencoderKL; `sampleSize` is in pixels. */
export function autoencoderJson(vae: OriginalAutoencoder, sampleSize: number, scalingFactor: number): JsonObject {
  return {
    _class_name: "AutoencoderKL",
    act_fn: "silu",
    block_out_channels: vae.channels,
    down_block_types: vae.channels.map(() => "DownEncoderBlock2D"),
    in_channels: vae.inChannels,
    latent_channels: vae.latentChannels,
    layers_per_block: vae.layers,
    norm_num_groups: 32,
    out_channels: vae.outChannels,
    sample_size: sampleSize,
    scaling_factor: scalingFactor,
    up_block_types: vae.channels.map(() => "UpDecoderBlock2D"),
  };
}

/** Width of a head of every published CLIP text tower; a smaller tower is taken to have two. */
const HEAD_WIDTH = 64;

/** config.json of transformers' CLIPTextModel, or CLIPTextModelWithProjection. */
export function textJson(text: OriginalText): JsonObject {
  return {
    architectures: [text.projection === undefined ? "CLIPTextModel" : "CLIPTextModelWithProjection"],
    eos_token_id: 2,
    hidden_act: text.activation,
    hidden_size: text.width,
    intermediate_size: text.innerWidth,
    layer_norm_eps: 1e-5,
    max_position_embeddings: text.positions,
    model_type: "clip_text_model",
    num_attention_heads: Math.max(2, text.width / HEAD_WIDTH),
    num_hidden_layers: text.layers,
    vocab_size: text.vocabularySize,
    ...(text.projection === undefined ? {} : { projection_dim: text.projection }),
  };
}

/** What Stable Diffusion was trained with, whatever its version. */
export const STABLE_DIFFUSION_SCHEDULE: OriginalSchedule = { start: 0.00085, end: 0.012, timesteps: 1000 };

export interface SchedulerChoice {
  readonly schedule: OriginalSchedule;
  readonly prediction: Prediction;
  readonly xl: boolean;
  /** Whether training went up to pure noise. */
  readonly zeroTerminalSnr: boolean;
}

/** scheduler_config.json of the class that diffusers' own copy of such a model has. */
export function schedulerJson({ schedule, prediction, xl, zeroTerminalSnr }: SchedulerChoice): JsonObject {
  const shared = {
    beta_end: schedule.end,
    beta_schedule: "scaled_linear",
    beta_start: schedule.start,
    clip_sample: false,
    num_train_timesteps: schedule.timesteps,
    prediction_type: prediction,
    steps_offset: 1,
    timestep_spacing: zeroTerminalSnr ? "trailing" : "leading",
    trained_betas: null,
  };
  const rescale = zeroTerminalSnr ? { rescale_betas_zero_snr: true } : {};
  if (xl) return { _class_name: "EulerDiscreteScheduler", ...shared, ...rescale, interpolation_type: "linear" };
  return prediction === "v_prediction" || zeroTerminalSnr
    ? { _class_name: "DDIMScheduler", ...shared, ...rescale, set_alpha_to_one: false }
    : { _class_name: "PNDMScheduler", ...shared, set_alpha_to_one: false, skip_prk_steps: true };
}
