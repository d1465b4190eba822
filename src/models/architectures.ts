/** The networks of a well-known model as its published config files describe them: enough to count, not to run. */
export interface Architecture {
  readonly title: string;
  readonly unet: Config;
  readonly vae?: Config;
  readonly textEncoders?: readonly Config[];
  /** Tokens of the U-Net's context, where they are not a prompt's. */
  readonly contextLength?: number;
}

type Config = Readonly<Record<string, unknown>>;

/** What the U-Nets of Stable Diffusion 1.5, 2.1 and XL have in common. */
const STABLE_DIFFUSION_UNET = {
  _class_name: "UNet2DConditionModel",
  act_fn: "silu",
  center_input_sample: false,
  downsample_padding: 1,
  flip_sin_to_cos: true,
  freq_shift: 0,
  in_channels: 4,
  layers_per_block: 2,
  mid_block_scale_factor: 1,
  norm_eps: 1e-5,
  norm_num_groups: 32,
  out_channels: 4,
} as const;

const FOUR_LEVELS = {
  ...STABLE_DIFFUSION_UNET,
  block_out_channels: [320, 640, 1280, 1280],
  down_block_types: ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
  up_block_types: ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
} as const;

/** BK-SDM's U-Nets have one layer less in every block than those that they were distilled from. */
const BK_SDM_UNET = {
  ...FOUR_LEVELS,
  attention_head_dim: 8,
  cross_attention_dim: 768,
  layers_per_block: 1,
  sample_size: 64,
};

const STABLE_DIFFUSION_2_UNET = {
  ...FOUR_LEVELS,
  attention_head_dim: [5, 10, 20, 20],
  cross_attention_dim: 1024,
  use_linear_projection: true,
} as const;

const STABLE_DIFFUSION_VAE = {
  _class_name: "AutoencoderKL",
  act_fn: "silu",
  block_out_channels: [128, 256, 512, 512],
  down_block_types: ["DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D"],
  in_channels: 3,
  latent_channels: 4,
  layers_per_block: 2,
  norm_num_groups: 32,
  out_channels: 3,
  sample_size: 512,
  up_block_types: ["UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D"],
} as const;

/** OpenAI's ViT-L/14 text tower. */
const CLIP_LARGE = {
  architectures: ["CLIPTextModel"],
  eos_token_id: 2,
  hidden_act: "quick_gelu",
  hidden_size: 768,
  intermediate_size: 3072,
  layer_norm_eps: 1e-5,
  max_position_embeddings: 77,
  model_type: "clip_text_model",
  num_attention_heads: 12,
  num_hidden_layers: 12,
  projection_dim: 768,
  vocab_size: 49408,
} as const;

/** OpenCLIP's ViT-H/14 text tower without its last layer. */
const OPEN_CLIP_HUGE = {
  ...CLIP_LARGE,
  hidden_act: "gelu",
  hidden_size: 1024,
  intermediate_size: 4096,
  num_attention_heads: 16,
  num_hidden_layers: 23,
  projection_dim: 512,
} as const;

/** OpenCLIP's ViT-bigG/14 text tower. */
const OPEN_CLIP_BIG = {
  ...CLIP_LARGE,
  architectures: ["CLIPTextModelWithProjection"],
  hidden_act: "gelu",
  hidden_size: 1280,
  intermediate_size: 5120,
  num_attention_heads: 20,
  num_hidden_layers: 32,
  projection_dim: 1280,
} as const;

const DDPM_UNET = {
  _class_name: "UNet2DModel",
  act_fn: "silu",
  attention_head_dim: null,
  center_input_sample: false,
  downsample_padding: 0,
  flip_sin_to_cos: false,
  freq_shift: 1,
  in_channels: 3,
  layers_per_block: 2,
  mid_block_scale_factor: 1,
  norm_eps: 1e-6,
  norm_num_groups: 32,
  out_channels: 3,
  time_embedding_type: "positional",
} as const;

/** Published models by name. */
export const ARCHITECTURES = {
  "stable-diffusion-v1-5": {
    title: "Stable Diffusion v1.5",
    unet: { ...FOUR_LEVELS, attention_head_dim: 8, cross_attention_dim: 768, sample_size: 64 },
    vae: STABLE_DIFFUSION_VAE,
    textEncoders: [CLIP_LARGE],
  },
  "bk-sdm-base": {
    title: "BK-SDM-Base",
    unet: BK_SDM_UNET,
    vae: STABLE_DIFFUSION_VAE,
    textEncoders: [CLIP_LARGE],
  },
  "bk-sdm-small": {
    title: "BK-SDM-Small",
    unet: { ...BK_SDM_UNET, mid_block_type: null },
    vae: STABLE_DIFFUSION_VAE,
    textEncoders: [CLIP_LARGE],
  },
  "bk-sdm-tiny": {
    title: "BK-SDM-Tiny",
    unet: {
      ...BK_SDM_UNET,
      block_out_channels: [320, 640, 1280],
      down_block_types: ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
      mid_block_type: null,
      up_block_types: ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
    },
    vae: STABLE_DIFFUSION_VAE,
    textEncoders: [CLIP_LARGE],
  },
  "stable-diffusion-2-1": {
    title: "Stable Diffusion 2.1",
    unet: { ...STABLE_DIFFUSION_2_UNET, sample_size: 96 },
    vae: { ...STABLE_DIFFUSION_VAE, sample_size: 768 },
    textEncoders: [OPEN_CLIP_HUGE],
  },
  "stable-diffusion-2-1-base": {
    title: "Stable Diffusion 2.1 base",
    unet: { ...STABLE_DIFFUSION_2_UNET, sample_size: 64 },
    vae: STABLE_DIFFUSION_VAE,
    textEncoders: [OPEN_CLIP_HUGE],
  },
  "stable-diffusion-xl": {
    title: "Stable Diffusion XL",
    unet: {
      ...STABLE_DIFFUSION_UNET,
      addition_embed_type: "text_time",
      addition_time_embed_dim: 256,
      attention_head_dim: [5, 10, 20],
      block_out_channels: [320, 640, 1280],
      cross_attention_dim: 2048,
      down_block_types: ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
      projection_class_embeddings_input_dim: 2816,
      sample_size: 128,
      transformer_layers_per_block: [1, 2, 10],
      up_block_types: ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
      use_linear_projection: true,
    },
    vae: { ...STABLE_DIFFUSION_VAE, sample_size: 1024, scaling_factor: 0.13025 },
    textEncoders: [CLIP_LARGE, OPEN_CLIP_BIG],
  },
  "ldm-4-g": {
    title: "LDM-4-G ImageNet",
    unet: {
      _class_name: "UNetModel",
      attention_resolutions: [8, 4, 2],
      channel_mult: [1, 2, 3, 5],
      context_dim: 512,
      image_size: 64,
      in_channels: 3,
      model_channels: 192,
      num_heads: 1,
      num_res_blocks: 2,
      out_channels: 3,
      transformer_depth: 1,
      use_spatial_transformer: true,
    },
    contextLength: 1, // the class
  },
  "ddpm-cifar10": {
    title: "DDPM CIFAR-10",
    unet: {
      ...DDPM_UNET,
      block_out_channels: [128, 256, 256, 256],
      down_block_types: ["DownBlock2D", "AttnDownBlock2D", "DownBlock2D", "DownBlock2D"],
      sample_size: 32,
      up_block_types: ["UpBlock2D", "UpBlock2D", "AttnUpBlock2D", "UpBlock2D"],
    },
  },
  "ddpm-lsun": {
    title: "DDPM LSUN Church and Bedroom",
    unet: {
      ...DDPM_UNET,
      block_out_channels: [128, 128, 256, 256, 512, 512],
      down_block_types: ["DownBlock2D", "DownBlock2D", "DownBlock2D", "DownBlock2D", "AttnDownBlock2D", "DownBlock2D"],
      sample_size: 256,
      up_block_types: ["UpBlock2D", "AttnUpBlock2D", "UpBlock2D", "UpBlock2D", "UpBlock2D", "UpBlock2D"],
    },
  },
} as const satisfies Readonly<Record<string, Architecture>>;

/** Name of a built-in architecture. */
export type ArchitectureName = keyof typeof ARCHITECTURES;

/** The architecture that `name` names. */
export function architecture(name: string): Architecture {
  if (Object.hasOwn(ARCHITECTURES, name)) return ARCHITECTURES[name as ArchitectureName];
  throw new RangeError(`Cannot find architecture "${name}": it is none of ${Object.keys(ARCHITECTURES).join(", ")}`);
}
