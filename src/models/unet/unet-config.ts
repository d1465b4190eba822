import { entry } from "../../tensor/tensor.ts";
import { type ConfigReader, configReader, isBoolean, isLayerCount, isPositive } from "../config-reader.ts";
import { checkedUNet } from "./check-unet-config.ts";
import { ldmUNetConfig } from "./ldm-unet-config.ts";
import type { LevelAttention, UNetConfig, UNetLevel } from "./unet-types.ts";

/**
 * Reads a diffusers config.json of either U-Net class, or the parameters of the original code's `UNetModel` with the name
 * of the class added; an unsupported setting is refused by name.
 */
export function unetConfig(config: unknown, source = "unet/config.json"): UNetConfig {
  const read = configReader(config, source);
  switch (read.string("_class_name", "UNet2DConditionModel")) {
    case "UNet2DConditionModel":
      return checkedUNet(read, conditionConfig(read), FIELDS);
    case "UNet2DModel":
      return checkedUNet(read, plainConfig(read), FIELDS);
    case "UNetModel":
      return ldmUNetConfig(read);
    default:
      return read.fail("_class_name", '"UNet2DConditionModel" or "UNet2DModel" or "UNetModel"');
  }
}

const FIELDS = {
  channels: "block_out_channels",
  layers: "layers_per_block",
  transformers: "transformer_layers_per_block",
  heads: "attention_head_dim",
} as const;

const NONE: LevelAttention = { kind: "none" };

function conditionConfig(read: ConfigReader): UNetConfig {
  for (const field of ["dual_cross_attention", "class_embeddings_concat", "resnet_skip_time_act"])
    read.only(field, [false]);
  for (const field of UNSUPPORTED_WHERE_SET) read.only(field, []);
  read.only("attention_type", ["default"]);
  read.only("addition_embed_type", ["text_time"]);
  read.only("resnet_out_scale_factor", [1]);
  const channels = read.integers("block_out_channels", [320, 640, 1280, 1280]);
  const count = channels.length;
  if (count === 0) read.fail("block_out_channels", "one width at least");
  // `attention_head_dim` of this class is the number of heads: a misnomer that published configs rely on.
  const heads = read.perLevel(
    read.has("num_attention_heads") ? "num_attention_heads" : "attention_head_dim",
    count,
    isPositive,
    8,
  );
  const transformers = read.perLevel("transformer_layers_per_block", count, isLayerCount, 1);
  const onlyCross = read.perLevel("only_cross_attention", count, isBoolean, false);
  const cross = (level: number, onlyCrossAttention = entry(onlyCross, level)): LevelAttention => ({
    kind: "cross",
    heads: entry(heads, level),
    layers: entry(transformers, level),
    onlyCrossAttention,
  });
  const widths = new Set(read.perLevel("cross_attention_dim", count, isPositive, 1280));
  if (widths.size > 1) read.fail("cross_attention_dim", "the same width for all levels");
  // Left out, the middle goes by a setting for all levels; beside a list of levels, it has both attentions.
  const onlyCrossMid = read.has("mid_block_only_cross_attention")
    ? read.boolean("mid_block_only_cross_attention")
    : read.isTrue("only_cross_attention");
  const mid = {
    UNetMidBlock2DCrossAttn: {
      attention: cross(count - 1, onlyCrossMid),
      resnets: 2,
    },
    UNetMidBlock2D: { attention: NONE, resnets: 1 },
  };
  return {
    ...common(read, channels, 4),
    architecture: "UNet2DConditionModel",
    ...levels(
      read,
      channels,
      read.perLevel("layers_per_block", count, isLayerCount, 2),
      {
        kinds: { CrossAttnDownBlock2D: cross, DownBlock2D: () => NONE },
        fallback: [...new Array<string>(3).fill("CrossAttnDownBlock2D"), "DownBlock2D"],
      },
      {
        kinds: { CrossAttnUpBlock2D: cross, UpBlock2D: () => NONE },
        fallback: ["UpBlock2D", ...new Array<string>(3).fill("CrossAttnUpBlock2D")],
      },
    ),
    mid: read.isNull("mid_block_type") ? undefined : read.choice("mid_block_type", mid, "UNetMidBlock2DCrossAttn"),
    contextWidth: [...widths][0],
    linearProjection: read.boolean("use_linear_projection", false),
    timeConditionWidth: read.has("time_cond_proj_dim") ? read.integer("time_cond_proj_dim") : undefined,
    addition: read.has("addition_embed_type")
      ? {
          timeWidth: read.integer("addition_time_embed_dim"),
          inputWidth: read.integer("projection_class_embeddings_input_dim"),
        }
      : undefined,
  };
}

const UNSUPPORTED_WHERE_SET = [
  "encoder_hid_dim", // means the type text_proj
  "encoder_hid_dim_type",
  "cross_attention_norm",
  "time_embedding_act_fn",
  "timestep_post_act",
  "reverse_transformer_layers_per_block",
  "class_embed_type",
];

function plainConfig(read: ConfigReader): UNetConfig {
  for (const field of ["downsample_type", "upsample_type"]) read.only(field, ["conv"]);
  read.only("class_embed_type", []);
  const channels = read.integers("block_out_channels", [224, 448, 672, 896]);
  if (channels.length === 0) read.fail("block_out_channels", "one width at least");
  const headWidth = (width: number): number =>
    read.isNull("attention_head_dim") ? width : read.integer("attention_head_dim", 8);
  const self = (level: number): LevelAttention => {
    const width = entry(channels, level);
    const heads = width / headWidth(width);
    return Number.isInteger(heads)
      ? { kind: "self", heads }
      : read.fail("attention_head_dim", `a divisor of ${width} channels`);
  };
  const mid = {
    UNetMidBlock2D: { attention: read.boolean("add_attention", true) ? self(channels.length - 1) : NONE, resnets: 2 },
  };
  return {
    ...common(read, channels, 3),
    architecture: "UNet2DModel",
    ...levels(
      read,
      channels,
      read.perLevel("layers_per_block", channels.length, isLayerCount, 2),
      {
        kinds: { DownBlock2D: () => NONE, AttnDownBlock2D: self },
        fallback: ["DownBlock2D", ...new Array<string>(3).fill("AttnDownBlock2D")],
      },
      {
        kinds: { UpBlock2D: () => NONE, AttnUpBlock2D: self },
        fallback: [...new Array<string>(3).fill("AttnUpBlock2D"), "UpBlock2D"],
      },
    ),
    mid: read.isNull("mid_block_type") ? undefined : read.choice("mid_block_type", mid, "UNetMidBlock2D"),
    contextWidth: undefined,
    linearProjection: false,
    timeConditionWidth: undefined,
    addition: undefined,
  };
}

interface BlockTypes {
  readonly kinds: Readonly<Record<string, (level: number) => LevelAttention>>;
  /** The class's own where the config names none. */
  readonly fallback: readonly string[];
}

/** The two paths, block types resolved level by level. */
function levels(
  read: ConfigReader,
  channels: readonly number[],
  layers: readonly number[],
  down: BlockTypes,
  up: BlockTypes,
): Pick<UNetConfig, "down" | "up"> {
  const count = channels.length;
  const path = (
    field: string,
    { kinds, fallback }: BlockTypes,
    extra: number,
    levelOf: (i: number) => number,
  ): UNetLevel[] => {
    const types = read.strings(field, fallback);
    if (types.length !== count) read.fail(field, `a list of ${count}, one for each level,`);
    return types.map((type, i) => {
      const attention = Object.hasOwn(kinds, type) ? kinds[type] : undefined;
      if (attention === undefined) return read.fail(field, `a list of ${Object.keys(kinds).join(" and ")}`);
      const level = levelOf(i);
      return { channels: entry(channels, level), layers: entry(layers, level) + extra, attention: attention(level) };
    });
  };
  return {
    down: path("down_block_types", down, 0, (i) => i),
    up: path("up_block_types", up, 1, (i) => count - 1 - i),
  };
}

/** Of the convolutions at both ends, which keep the size. */
function kernel(read: ConfigReader, field: string): number {
  const size = read.integer(field, 3, { most: 31 });
  return size % 2 === 1 ? size : read.fail(field, "an odd number");
}

type Common = Omit<
  UNetConfig,
  "architecture" | "down" | "up" | "mid" | "contextWidth" | "linearProjection" | "timeConditionWidth" | "addition"
>;

function common(read: ConfigReader, channels: readonly number[], sampleChannels: number): Common {
  read.only("act_fn", ["silu", "swish"]);
  read.only("time_embedding_type", ["positional"]);
  const groups = read.integer("norm_num_groups", 32);
  const timeNorm = read.choice(
    "resnet_time_scale_shift",
    { default: "default", scale_shift: "scale_shift" } as const,
    "default",
  );
  const [height, width] = read.has("sample_size") ? read.perLevel("sample_size", 2, isPositive) : [];
  return {
    sampleSize: height === undefined || width === undefined ? undefined : [height, width],
    inChannels: read.integer("in_channels", sampleChannels),
    outChannels: read.integer("out_channels", sampleChannels),
    centerInput: read.boolean("center_input_sample", false),
    flipSinToCos: read.boolean("flip_sin_to_cos", true),
    freqShift: read.number("freq_shift", 0),
    timeWidth: read.has("time_embedding_dim") ? read.integer("time_embedding_dim") : 4 * entry(channels, 0),
    classes: read.has("num_class_embeds") ? read.integer("num_class_embeds") : undefined,
    midScale: read.number("mid_block_scale_factor", 1),
    downsamplePadding: read.integer("downsample_padding", 1, { least: 0, most: 1 }),
    groups,
    // Left out, the middle's attention has those of its residual blocks, or no norm beside those that time scales.
    attentionGroups: read.has("attn_norm_num_groups")
      ? read.integer("attn_norm_num_groups")
      : timeNorm === "default"
        ? groups
        : undefined,
    epsilon: read.number("norm_eps", 1e-5),
    timeNorm,
    kernelIn: kernel(read, "conv_in_kernel"),
    kernelOut: kernel(read, "conv_out_kernel"),
  };
}
