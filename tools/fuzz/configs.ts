const SCHEDULERS = [
  ...["DDPM", "DDIM", "PNDM", "EulerDiscrete", "EulerAncestralDiscrete", "DPMSolverMultistep", "DPMSolverSinglestep"],
  ...["DEISMultistep", "UniPCMultistep", "HeunDiscrete", "KDPM2Discrete", "KDPM2AncestralDiscrete", "LMSDiscrete"],
  ...["LCM", "TCD", "IPNDM"],
];

const UNET = {
  ...{ act_fn: "silu", in_channels: 4, out_channels: 4, layers_per_block: 1, norm_num_groups: 16, sample_size: 8 },
  ...{ down_block_types: ["CrossAttnDownBlock2D", "DownBlock2D"], up_block_types: ["UpBlock2D", "CrossAttnUpBlock2D"] },
  ...{ block_out_channels: [16, 32], cross_attention_dim: 16, attention_head_dim: 4, norm_eps: 1e-5, freq_shift: 0 },
};

const CODER = {
  ...{ act_fn: "silu", block_out_channels: [16, 32], in_channels: 3, out_channels: 3, latent_channels: 4 },
  ...{ down_block_types: ["DownEncoderBlock2D", "DownEncoderBlock2D"], layers_per_block: 1, norm_num_groups: 8 },
  ...{ up_block_types: ["UpDecoderBlock2D", "UpDecoderBlock2D"], sample_size: 64, scaling_factor: 1 },
};

const TEXT = {
  ...{ hidden_size: 32, num_attention_heads: 4, num_hidden_layers: 2, intermediate_size: 64, vocab_size: 100 },
  ...{ max_position_embeddings: 24, eos_token_id: 99, hidden_act: "quick_gelu", layer_norm_eps: 1e-5 },
};

/** Values that are read as they are, by reader; cases are changes of them. */
export const CONFIGS = {
  unet: [
    {
      ...{ _class_name: "UNet2DConditionModel", ...UNET, downsample_padding: 1, flip_sin_to_cos: true },
      ...{ mid_block_scale_factor: 1, center_input_sample: false, use_linear_projection: true, conv_in_kernel: 3 },
      ...{ transformer_layers_per_block: [1, 2], time_cond_proj_dim: null, num_class_embeds: null, conv_out_kernel: 3 },
      ...{ only_cross_attention: [false, true], mid_block_type: "UNetMidBlock2DCrossAttn", time_embedding_dim: 64 },
    },
    {
      ...{ _class_name: "UNet2DModel", act_fn: "silu", attention_head_dim: 8, block_out_channels: [32, 64] },
      ...{ down_block_types: ["DownBlock2D", "AttnDownBlock2D"], up_block_types: ["AttnUpBlock2D", "UpBlock2D"] },
      ...{ in_channels: 3, out_channels: 3, layers_per_block: 1, norm_num_groups: 32, sample_size: 8 },
    },
    {
      ...{ _class_name: "UNet2DConditionModel", ...UNET, addition_embed_type: "text_time", addition_time_embed_dim: 8 },
      ...{ projection_class_embeddings_input_dim: 64, attention_head_dim: [2, 2], layers_per_block: 2 },
    },
    {
      ...{ _class_name: "UNetModel", in_channels: 3, out_channels: 3, model_channels: 32, num_res_blocks: 1 },
      ...{ attention_resolutions: [2, 1], channel_mult: [1, 2], num_head_channels: 32, context_dim: 16, image_size: 8 },
      use_spatial_transformer: true,
    },
  ],
  vae: [{ _class_name: "AutoencoderKL", ...CODER, use_quant_conv: true, shift_factor: null }],
  vq: [{ _class_name: "VQModel", ...CODER, latent_channels: 3, num_vq_embeddings: 16, vq_embed_dim: 3 }],
  taesd: [
    {
      ...{ _class_name: "AutoencoderTiny", act_fn: "relu", latent_channels: 4, upsampling_scaling_factor: 2 },
      ...{ encoder_block_out_channels: [8, 8], decoder_block_out_channels: [8, 8] },
      ...{ num_encoder_blocks: [1, 3], num_decoder_blocks: [3, 1] },
    },
  ],
  controlnet: [
    {
      ...{ _class_name: "ControlNetModel", ...UNET, controlnet_conditioning_channel_order: "rgb" },
      ...{ conditioning_channels: 3, conditioning_embedding_out_channels: [4, 8], global_pool_conditions: false },
    },
  ],
  "t2i-adapter": [
    {
      ...{ _class_name: "T2IAdapter", adapter_type: "full_adapter", channels: [16, 32], num_res_blocks: 1 },
      ...{ downscale_factor: 2, in_channels: 3 },
    },
    { _class_name: "T2IAdapter", adapter_type: "light_adapter", channels: [16, 32], downscale_factor: 2 },
  ],
  clip: [
    { architectures: ["CLIPTextModel"], ...TEXT },
    { architectures: ["CLIPTextModelWithProjection"], ...TEXT, projection_dim: 16 },
  ],
  "clip-both": [
    {
      ...{ model_type: "clip", projection_dim: 16, text_config: TEXT },
      vision_config: { ...TEXT, image_size: 16, patch_size: 8, num_channels: 3 },
    },
  ],
  "open-clip": [
    {
      embed_dim: 16,
      vision_cfg: { image_size: 16, layers: 2, width: 64, patch_size: 8, head_width: 32, mlp_ratio: 4 },
      text_cfg: { context_length: 24, vocab_size: 100, width: 32, heads: 4, layers: 2 },
    },
  ],
  "scene-network": [
    { model_type: "scene-network", image_size: 16, widths: [4, 8], blocks: [1, 1], nouns: ["fox"], colours: ["teal"] },
  ],
  preprocessor: [
    {
      do_resize: true,
      size: { shortest_edge: 16 },
      crop_size: { width: 16, height: 16 },
      resample: 3,
      image_mean: [0, 0, 0],
    },
  ],
  recommended: [{ num_inference_steps: 20, guidance_scale: 4, sampler: "ddim", known_words: ["fox"] }],
  scheduler: SCHEDULERS.map((name) => ({
    ...{ _class_name: `${name}Scheduler`, num_train_timesteps: 1000, beta_start: 0.00085, beta_end: 0.012 },
    ...{ beta_schedule: "scaled_linear", prediction_type: "epsilon", timestep_spacing: "leading", steps_offset: 1 },
    ...{ trained_betas: null, solver_order: 2, use_karras_sigmas: false, set_alpha_to_one: false, clip_sample: false },
    ...{ thresholding: false, final_sigmas_type: "zero", rescale_betas_zero_snr: false, skip_prk_steps: true },
  })),
  index: [
    {
      ...{
        _class_name: "StableDiffusionPipeline",
        _diffusers_version: "0.1",
        unet: ["diffusers", "UNet2DConditionModel"],
      },
      ...{ safety_checker: [null, null], vae: ["diffusers", "AutoencoderKL"], requires_safety_checker: true },
    },
  ],
  shards: [{ metadata: { total_size: 8 }, weight_map: { a: "one.safetensors", b: "two.safetensors" } }],
  tokenizer: [
    {
      vocab: {
        "<|startoftext|>": 0,
        "<|endoftext|>": 1,
        a: 2,
        "a</w>": 3,
        f: 4,
        o: 5,
        "x</w>": 6,
        fo: 7,
        "fox</w>": 8,
      },
      merges: "#version: 0.2\nf o\nfo x</w>\n",
      config: { model_max_length: 24, bos_token: "<|startoftext|>", unk_token: { content: "<|endoftext|>" } },
      specialTokens: { pad_token: "a" },
    },
    {
      tokenizerJson: {
        model: { vocab: { "<|startoftext|>": 0, "<|endoftext|>": 1, a: 2 }, merges: [], end_of_word_suffix: "</w>" },
      },
    },
  ],
  profile: [
    {
      ...{ format: 1, version: "0.1.0", model: { architecture: "UNet2DConditionModel", unet: "0" } },
      reference: { sampler: "ddim", steps: 50 },
      points: [
        {
          budget: 5,
          fse: 4.9,
          sampler: "ddim",
          steps: 9,
          cache: { kind: "listed", full: [0, 5], branch: 0 },
          checked: {
            images: 4,
            psnr: 30,
            aboveUncached: { mean: 1, halfWidth: 0.5, sampler: "ddim", steps: 5, psnr: 29 },
          },
        },
      ],
    },
  ],
  policy: [
    { kind: "uniform", interval: 3, branch: 0 },
    { kind: "centered", interval: 3, center: 15, power: 1.4, branch: 0 },
    { kind: "quadratic", interval: 3, power: 1.5, branch: 1 },
    { kind: "listed", full: [0, 5, 9], branch: 0 },
    { kind: "off" },
  ],
} as const satisfies Readonly<Record<string, readonly unknown[]>>;

const LDM = `model:
  target: ldm.models.diffusion.ddpm.LatentDiffusion
  params:
    linear_start: 0.0015
    linear_end: 0.0195
    timesteps: 1000
    cond_stage_key: class_label
    image_size: 8
    channels: 3
    conditioning_key: crossattn
    unet_config:
      target: ldm.modules.diffusionmodules.openaimodel.UNetModel
      params: &p
        image_size: 8
        in_channels: 3
        out_channels: 3
        model_channels: 32
        attention_resolutions: [2, 1]
        num_res_blocks: 1
        channel_mult: [1, 2]
        num_head_channels: 32
        use_spatial_transformer: true
        transformer_depth: 1
        context_dim: 32
    first_stage_config:
      target: ldm.models.autoencoder.VQModelInterface
      params:
        embed_dim: 3
        n_embed: 16
        ddconfig: {ch: 32, ch_mult: [1, 2], resolution: 16, attn_resolutions: [], in_channels: 3, out_ch: 3, z_channels: 3, num_res_blocks: 1}
    cond_stage_config:
      target: ldm.modules.encoders.modules.ClassEmbedder
      params:
        embed_dim: 32
        n_classes: 11
`;

const STABLE = `model:
  params:
    scale_factor: 0.18215
    linear_start: 0.00085
    linear_end: 0.012
    unet_config:
      params: {use_spatial_transformer: true, in_channels: 4, out_channels: 4, model_channels: 32, channel_mult: [1, 2], attention_resolutions: [2, 1], num_res_blocks: 1, num_heads: 2, context_dim: 16}
    first_stage_config:
      params:
        ddconfig: {double_z: true, in_channels: 3, out_ch: 3, z_channels: 4, ch: 32, ch_mult: [1, 2], num_res_blocks: 1, attn_resolutions: []}
`;

const DDPM = `data: {image_size: 8, channels: 3, rescaled: true, logit_transform: false}
model: {type: simple, in_channels: 3, out_ch: 3, ch: 32, ch_mult: [1, 2], num_res_blocks: 1, attn_resolutions: [4], resamp_with_conv: true, var_type: fixedsmall}
diffusion: {beta_schedule: linear, beta_start: 0.0001, beta_end: 0.02, num_diffusion_timesteps: 1000}
`;

/** YAML of the original repositories. */
export const YAML = { "yaml-ldm": LDM, "yaml-stable": STABLE, "yaml-ddpm": DDPM } as const;
