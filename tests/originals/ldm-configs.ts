/** The published cin256-v2.yaml of LDM-4-G, parsed, but for what only training reads. */
export const CIN256 = {
  model: {
    target: "ldm.models.diffusion.ddpm.LatentDiffusion",
    params: {
      linear_start: 0.0015,
      linear_end: 0.0195,
      num_timesteps_cond: 1,
      log_every_t: 200,
      timesteps: 1000,
      first_stage_key: "image",
      cond_stage_key: "class_label",
      image_size: 64,
      channels: 3,
      cond_stage_trainable: true,
      conditioning_key: "crossattn",
      monitor: "val/loss",
      use_ema: false,
      unet_config: {
        target: "ldm.modules.diffusionmodules.openaimodel.UNetModel",
        params: {
          image_size: 64,
          in_channels: 3,
          out_channels: 3,
          model_channels: 192,
          attention_resolutions: [8, 4, 2],
          num_res_blocks: 2,
          channel_mult: [1, 2, 3, 5],
          num_heads: 1,
          use_spatial_transformer: true,
          transformer_depth: 1,
          context_dim: 512,
        },
      },
      first_stage_config: {
        target: "ldm.models.autoencoder.VQModelInterface",
        params: {
          embed_dim: 3,
          n_embed: 8192,
          ddconfig: {
            double_z: false,
            z_channels: 3,
            resolution: 256,
            in_channels: 3,
            out_ch: 3,
            ch: 128,
            ch_mult: [1, 2, 4],
            num_res_blocks: 2,
            attn_resolutions: [],
            dropout: 0,
          },
          lossconfig: { target: "torch.nn.Identity" },
        },
      },
      cond_stage_config: {
        target: "ldm.modules.encoders.modules.ClassEmbedder",
        params: { n_classes: 1001, embed_dim: 512, key: "class_label" },
      },
    },
  },
} as const;

/** A copy of `config` whose field at `path`, such as "model.params.channels", is `value`; undefined takes it away. */
export function changed(config: unknown, path: string, value: unknown): unknown {
  const copy = structuredClone(config) as Record<string, unknown>;
  const names = path.split(".");
  const last = names.pop() ?? "";
  const holder = names.reduce((section, name) => section[name] as Record<string, unknown>, copy);
  if (value === undefined) delete holder[last];
  else holder[last] = value;
  return copy;
}
