import { entry } from "../tensor/tensor.ts";
import { type ConfigReader, configReader, isPositive } from "./config-reader.ts";
import type { LevelAttention, UNetConfig, UNetLevel } from "./unet-config.ts";
import type { VqModelConfig } from "./vq-model.ts";

/** A class-conditional latent diffusion model as the original code's YAML describes it. */
export interface LdmConfig {
  /** Channels, height and width of a latent. */
  readonly latentShape: readonly [channels: number, height: number, width: number];
  readonly unet: UNetConfig;
  readonly firstStage: VqModelConfig;
  /** Rows and width of the class embedding; the last class stands for none. */
  readonly classes: { readonly count: number; readonly width: number };
  /** The noise schedule under the names that the code gives its fields. */
  readonly schedule: {
    readonly beta_schedule: string;
    readonly linear_start: number;
    readonly linear_end: number;
    readonly timesteps: number;
    readonly parameterization: string;
  };
  /** Whether the checkpoint holds the factor by which latents are scaled, measured in training. */
  readonly scaleByDeviation: boolean;
}

/** Reads the parsed YAML of the original latent diffusion code; an unsupported setting is refused by name. */
export function ldmConfig(config: unknown, source = "config.yaml"): LdmConfig {
  const model = requiredSection(configReader(config, source), "model");
  requireClass(model, "LatentDiffusion");
  const read = requiredSection(model, "params");
  read.only("conditioning_key", ["crossattn"]);
  if (!read.has("conditioning_key") && read.boolean("concat_mode", true)) read.fail("conditioning_key", '"crossattn"');
  read.only("beta_schedule", ["linear", "sqrt_linear", "cosine"]);
  read.only("parameterization", ["eps", "x0", "v"]);
  read.only("given_betas", []);
  const unet = ldmUNetConfig(part(read, "unet_config", "UNetModel"));
  const firstStage = ldmVqConfig(part(read, "first_stage_config", "VQModelInterface"), read.number("scale_factor", 1));
  const embedder = part(read, "cond_stage_config", "ClassEmbedder");
  const channels = read.integer("channels", 3);
  const side = read.integer("image_size", 256);
  const width = embedder.integer("embed_dim");
  const required = (actual: number | undefined, field: string): string => `${actual} as in "${field}"`;
  if (unet.inChannels !== channels || unet.outChannels !== channels) {
    read.fail("channels", required(unet.inChannels, "unet_config: params: in_channels"));
  }
  if (firstStage.codeWidth !== channels) {
    read.fail("channels", required(firstStage.codeWidth, "first_stage_config: params: embed_dim"));
  }
  if (unet.contextWidth !== width) {
    embedder.fail("embed_dim", required(unet.contextWidth, "unet_config: params: context_dim"));
  }
  return {
    latentShape: [channels, side, side],
    unet,
    firstStage,
    classes: { count: embedder.integer("n_classes", 1000), width },
    schedule: {
      beta_schedule: read.string("beta_schedule", "linear"),
      linear_start: read.number("linear_start", 1e-4),
      linear_end: read.number("linear_end", 2e-2),
      timesteps: read.integer("timesteps", 1000),
      parameterization: read.string("parameterization", "eps"),
    },
    scaleByDeviation: read.boolean("scale_by_std", false),
  };
}

/** The code hard-codes it. */
const GROUPS = 32;

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
  const layers = read.perLevel("num_res_blocks", factors.length, isPositive);
  const transformers = read.perLevel("transformer_depth", factors.length, isPositive, 1);
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
  return {
    architecture: "UNet2DConditionModel",
    sampleSize: undefined,
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
  };
}

/** Either the number of heads is given, the same for all levels, or the width of each; -1 says that it is not given. */
function headCount(read: ConfigReader, width: number): number {
  const headWidth = read.integer("num_head_channels", -1);
  const field = headWidth === -1 ? "num_heads" : "num_head_channels";
  const heads = headWidth === -1 ? read.integer("num_heads", -1) : width / headWidth;
  return isPositive(heads) && width % heads === 0 ? heads : read.fail(field, `a divisor of ${width} channels`);
}

/** Reads the parameters of the code's `VQModelInterface`. */
export function ldmVqConfig(read: ConfigReader, scalingFactor: number): VqModelConfig {
  read.only("remap", []);
  const coder = requiredSection(read, "ddconfig");
  for (const field of ["double_z", "tanh_out", "give_pre_end", "use_linear_attn"]) coder.only(field, [false]);
  coder.only("resamp_with_conv", [true]);
  coder.only("attn_type", ["vanilla"]);
  const width = coder.integer("ch");
  if (width % GROUPS !== 0) coder.fail("ch", `a multiple of ${GROUPS}`);
  const channels = coder.integers("ch_mult", [1, 2, 4, 8]).map((factor) => width * factor);
  const side = coder.integer("resolution");
  const attended = new Set(coder.integers("attn_resolutions"));
  const attentionLevels = channels.map((_, level) => attended.has(Math.floor(side / 2 ** level)));
  return {
    inChannels: coder.integer("in_channels"),
    outChannels: coder.integer("out_ch"),
    latentChannels: coder.integer("z_channels"),
    channels,
    layers: coder.integer("num_res_blocks"),
    groups: GROUPS,
    midAttention: true,
    attentionLevels,
    scalingFactor,
    codebookSize: read.integer("n_embed"),
    codeWidth: read.integer("embed_dim"),
  };
}

/** The parameters of a part of the model, which must be of the class of this name. */
function part(read: ConfigReader, field: string, className: string): ConfigReader {
  const section = requiredSection(read, field);
  requireClass(section, className);
  return requiredSection(section, "params");
}

/** Classes are told by the last part of their path: copies of the code have it in other packages. */
function requireClass(read: ConfigReader, className: string): void {
  if (read.string("target").split(".").at(-1) !== className) read.fail("target", `a path that ends in "${className}"`);
}

function requiredSection(read: ConfigReader, field: string): ConfigReader {
  return read.has(field) ? read.section(field) : read.fail(field, "a section");
}
