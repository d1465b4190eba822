import { LIMITS } from "../../errors/limits.ts";
import type { VqModelConfig } from "../../models/autoencoder/vq-model.ts";
import { type ConfigReader, configReader, LAYER_COUNT, TRAINING_STEPS } from "../../models/config-reader.ts";
import { GROUPS, ldmUNetConfig } from "../../models/unet/ldm-unet-config.ts";
import type { UNetConfig } from "../../models/unet/unet-types.ts";

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
  const scaleFactor = read.number("scale_factor", 1);
  if (scaleFactor <= 0) read.fail("scale_factor", "a number above 0");
  const firstStage = ldmVqConfig(part(read, "first_stage_config", "VQModelInterface"), scaleFactor);
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
      timesteps: read.integer("timesteps", 1000, TRAINING_STEPS),
      parameterization: read.string("parameterization", "eps"),
    },
    scaleByDeviation: read.boolean("scale_by_std", false),
  };
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
  if (channels.length === 0 || channels.some((count) => count > LIMITS.config.count.most)) {
    coder.fail("ch_mult", `one width at least, none above ${LIMITS.config.count.most},`);
  }
  const side = coder.integer("resolution");
  const attended = new Set(coder.integers("attn_resolutions"));
  const attentionLevels = channels.map((_, level) => attended.has(Math.floor(side / 2 ** level)));
  return {
    inChannels: coder.integer("in_channels"),
    outChannels: coder.integer("out_ch"),
    latentChannels: coder.integer("z_channels"),
    channels,
    layers: coder.integer("num_res_blocks", undefined, LAYER_COUNT),
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
