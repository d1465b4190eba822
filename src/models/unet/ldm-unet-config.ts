import { entry } from "../../tensor/tensor.ts";
import { type ConfigReader, isLayerCount, isPositive, type Range } from "../config-reader.ts";
import { checkedUNet } from "./check-unet-config.ts";
import type { LevelAttention, UNetConfig, UNetLevel } from "./unet-types.ts";

/** Of every norm; the code hard-codes it. */
export const GROUPS = 32;

const FIELDS = {
  channels: "channel_mult",
  layers: "num_res_blocks",
  transformers: "transformer_depth",
  heads: "num_heads",
} as const;

const UNSUPPORTED_WHERE_SET = [
  "n_embed",
  "num_classes",
  "adm_in_channels",
  "disable_self_attentions",
  "num_attention_blocks",
];

/** Reads the parameters of the code's `UNetModel`, whose levels diffusers describes by block types. */
export function ldmUNetConfig(read: ConfigReader): UNetConfig {
  if (!read.boolean("use_spatial_transformer", false)) read.fail("use_spatial_transformer", "true");
  for (const field of UNSUPPORTED_WHERE_SET) read.only(field, []);
  read.only("conv_resample", [true]);
  read.only("resblock_updown", [false]);
  read.only("dims", [2]);
  const width = read.integer("model_channels");
  if (width % GROUPS !== 0) read.fail("model_channels", `a multiple of ${GROUPS}`);
  const factors = read.integers("channel_mult", [1, 2, 4, 8]);
  if (factors[0] !== 1) read.fail("channel_mult", "a list that begins with 1");
  const attended = new Set(read.integers("attention_resolutions"));
  const layers = read.perLevel("num_res_blocks", factors.length, isLayerCount);
  const transformers = read.perLevel("transformer_depth", factors.length, isLayerCount, 1);
  const attention = (level: number): LevelAttention => ({
    kind: "cross",
    heads: headCount(read, width * entry(factors, level)),
    layers: entry(transformers, level),
    onlyCrossAttention: false,
  });
  const levels = (extra: number): UNetLevel[] =>
    factors.map((factor, level) => ({
      channels: width * factor,
      layers: entry(layers, level) + extra,
      attention: attended.has(2 ** level) ? attention(level) : { kind: "none" },
    }));
  const config: UNetConfig = {
    architecture: "UNet2DConditionModel",
    sampleSize: read.has("image_size") ? [read.integer("image_size"), read.integer("image_size")] : undefined,
    inChannels: read.integer("in_channels"),
    outChannels: read.integer("out_channels"),
    centerInput: false,
    flipSinToCos: true,
    freqShift: 0,
    timeWidth: 4 * width,
    timeConditionWidth: undefined,
    classes: undefined,
    addition: undefined,
    down: levels(0),
    up: levels(1).toReversed(),
    mid: { attention: attention(factors.length - 1), resnets: 2 },
    midScale: 1,
    contextWidth: read.integer("context_dim"),
    linearProjection: read.boolean("use_linear_in_transformer", false),
    downsamplePadding: 1,
    groups: GROUPS,
    attentionGroups: GROUPS,
    epsilon: 1e-5,
    timeNorm: read.boolean("use_scale_shift_norm", false) ? "scale_shift" : "default",
    kernelIn: 3,
    kernelOut: 3,
    normsTallied: false, // they are of the code's own class
  };
  return checkedUNet(read, config, FIELDS);
}

const NOT_GIVEN: Range = { least: -1 };

/** Either the number of heads is given, the same for all levels, or the width of each; -1 says that it is not given. */
function headCount(read: ConfigReader, width: number): number {
  const headWidth = read.integer("num_head_channels", -1, NOT_GIVEN);
  const field = headWidth === -1 ? "num_heads" : "num_head_channels";
  const heads = headWidth === -1 ? read.integer("num_heads", -1, NOT_GIVEN) : width / headWidth;
  return isPositive(heads) && width % heads === 0 ? heads : read.fail(field, `a divisor of ${width} channels`);
}
