import { LIMITS } from "../../errors/limits.ts";
import type { ActivationName } from "../../layers/activations.ts";
import type { ClipConfig, ClipVisionConfig } from "../../models/clip/clip.ts";
import type { ClipTextConfig } from "../../models/clip/clip-text.ts";
import {
  type ConfigReader,
  configReader,
  isPositive,
  LAYER_COUNT,
  POSITION_COUNT,
} from "../../models/config-reader.ts";

/** Reads an open_clip_config.json, or the `model_cfg` in it alone, with OpenCLIP's defaults. */
export function openClipConfig(config: unknown, source = "open_clip_config.json"): ClipConfig {
  const file = configReader(config, source);
  const read = file.has("model_cfg") ? file.section("model_cfg") : file;
  read.only("custom_text", [false]);
  read.only("multimodal_cfg", []);
  const projection = read.integer("embed_dim");
  const activation = read.boolean("quick_gelu", false) ? "quick_gelu" : "gelu";
  return {
    text: textConfig(read.section("text_cfg"), activation, projection),
    vision: visionConfig(read.section("vision_cfg"), activation),
    projection,
  };
}

/** Settings of blocks that are not those of CLIP, with the values that leave them as they are. */
const PLAIN_BLOCKS: Readonly<Record<string, readonly unknown[]>> = {
  ls_init_value: [],
  act_kwargs: [],
  block_type: ["default"],
  qk_norm: [false],
  scaled_cosine_attn: [false],
  scale_heads: [false],
  scale_attn_inner: [false],
  scale_attn: [false],
  scale_fc: [false],
};
const PLAIN_VISION: Readonly<Record<string, readonly unknown[]>> = {
  ...PLAIN_BLOCKS,
  timm_model_name: [],
  attentional_pool: [false],
  no_ln_pre: [false],
  pos_embed_type: ["learnable"],
  pool_type: ["tok"],
};
const PLAIN_TEXT: Readonly<Record<string, readonly unknown[]>> = {
  ...PLAIN_BLOCKS,
  hf_model_name: [],
  embed_cls: [false],
  no_causal_mask: [false],
  proj_bias: [false],
  proj_type: ["linear"],
};

function checkPlain(read: ConfigReader, plain: Readonly<Record<string, readonly unknown[]>>): void {
  for (const [field, allowed] of Object.entries(plain)) read.only(field, allowed);
}

function visionConfig(read: ConfigReader, activation: ActivationName): ClipVisionConfig {
  checkPlain(read, PLAIN_VISION);
  const width = read.integer("width", 768);
  const headWidth = read.integer("head_width", 64);
  if (headWidth < 1 || width % headWidth !== 0) read.fail("head_width", `a divisor of ${width}, the width,`);
  const [imageSize, patchSize] = [read.integer("image_size", 224), read.integer("patch_size", 16)];
  if (patchSize < 1 || patchSize > imageSize) read.fail("patch_size", `a whole number from 1 to ${imageSize}`);
  return { ...tower(read, width, width / headWidth, activation), channels: 3, imageSize, patchSize };
}

function textConfig(read: ConfigReader, activation: ActivationName, projection: number): ClipTextConfig {
  checkPlain(read, PLAIN_TEXT);
  const width = read.integer("width", 512);
  const heads = read.integer("heads", 8);
  if (heads < 1 || width % heads !== 0) read.fail("heads", `a divisor of ${width}, the width,`);
  const pooling = read.choice("pool_type", { argmax: "highest", eos: "first" } as const, "argmax");
  return {
    ...tower(read, width, heads, activation),
    vocabularySize: read.integer("vocab_size", 49408),
    positions: read.integer("context_length", 77, POSITION_COUNT),
    pooling: pooling === "highest" ? { kind: pooling } : { kind: pooling, id: read.integer("eos_id", 2, { least: 0 }) },
    projection,
  };
}

/** What both towers describe in the same way. */
const tower = (read: ConfigReader, width: number, heads: number, activation: ActivationName) => ({
  width,
  heads,
  layers: read.integer("layers", 12, LAYER_COUNT),
  innerWidth: innerWidthOf(read, width),
  activation,
  epsilon: read.section("norm_kwargs").number("eps", 1e-5),
});

function innerWidthOf(read: ConfigReader, width: number): number {
  const inner = Math.trunc(width * read.number("mlp_ratio", 4));
  return isPositive(inner)
    ? inner
    : read.fail("mlp_ratio", `a factor that makes 1 to ${LIMITS.config.count.most} of ${width}`);
}
