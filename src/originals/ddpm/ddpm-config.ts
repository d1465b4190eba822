import { type ConfigReader, configReader, LAYER_COUNT, TRAINING_STEPS } from "../../models/config-reader.ts";
import { unetConfig } from "../../models/unet/unet-config.ts";
import type { UNetConfig } from "../../models/unet/unet-types.ts";

/** A config.yml of the DDPM and DDIM code (Ho et al. 2020, Song et al. 2020), read. */
export interface DdpmConfig {
  readonly unet: UNetConfig;
  /** The `diffusion` section under its own names. */
  readonly schedule: {
    readonly beta_schedule: "linear" | "quad";
    readonly beta_start: number;
    readonly beta_end: number;
    readonly num_diffusion_timesteps: number;
  };
}

/** The code fixes the groups of every norm. */
const GROUPS = 32;

/** Reads a parsed config.yml; every refusal names the section and the field. */
export function ddpmConfig(config: unknown, source = "config.yml"): DdpmConfig {
  const root = configReader(config, source);
  const [data, model, diffusion] = [root.section("data"), root.section("model"), root.section("diffusion")];
  root.only("image_mean", []);
  data.only("logit_transform", [false]);
  data.only("rescaled", [true]);
  model.only("type", ["simple"]);
  model.only("var_type", ["fixedlarge", "fixedsmall"]); // of training alone: the code samples with the larger one
  model.only("resamp_with_conv", [true]);
  return {
    unet: unetConfig(diffusersConfig(data, model), source),
    schedule: {
      beta_schedule: diffusion.choice("beta_schedule", { linear: "linear", quad: "quad" } as const),
      beta_start: diffusion.number("beta_start"),
      beta_end: diffusion.number("beta_end"),
      num_diffusion_timesteps: diffusion.integer("num_diffusion_timesteps", undefined, TRAINING_STEPS),
    },
  };
}

/** The same network in the words of diffusers' config.json. */
function diffusersConfig(data: ConfigReader, model: ConfigReader): Readonly<Record<string, unknown>> {
  const width = model.integer("ch");
  if (width % GROUPS !== 0) model.fail("ch", `a multiple of ${GROUPS}, the groups of every norm,`);
  const factors = model.integers("ch_mult");
  if (factors[0] !== 1) model.fail("ch_mult", "a list that begins with 1");
  const size = data.integer("image_size");
  const stride = 2 ** (factors.length - 1);
  if (size % stride !== 0) data.fail("image_size", `a multiple of ${stride} for ${factors.length} levels`);
  const channels = model.integer("in_channels");
  if (data.integer("channels", channels) !== channels) data.fail("channels", `${channels}, the model's in_channels,`);
  if (model.integer("out_ch") !== channels) model.fail("out_ch", `${channels}, the number of in_channels,`);
  const attended = new Set(model.integers("attn_resolutions"));
  const attends = factors.map((_, level) => attended.has(size / 2 ** level));
  return {
    _class_name: "UNet2DModel",
    act_fn: "silu",
    attention_head_dim: null,
    block_out_channels: factors.map((factor) => factor * width),
    center_input_sample: false,
    down_block_types: attends.map((attention) => (attention ? "AttnDownBlock2D" : "DownBlock2D")),
    downsample_padding: 0,
    flip_sin_to_cos: false,
    freq_shift: 1,
    in_channels: channels,
    layers_per_block: model.integer("num_res_blocks", undefined, LAYER_COUNT),
    norm_eps: 1e-6,
    norm_num_groups: GROUPS,
    out_channels: channels,
    sample_size: size,
    time_embedding_type: "positional",
    up_block_types: attends.map((attention) => (attention ? "AttnUpBlock2D" : "UpBlock2D")).reverse(),
  };
}
