import { describe, expect, test } from "vitest";
import { SCHEDULER_FIELDS } from "../../src/diffusion/scheduler-classes.ts";
import { SCHEDULER_CLASSES } from "../../src/diffusion/scheduler-config.ts";
import { autoencoderKlConfig } from "../../src/models/autoencoder/autoencoder-kl.ts";
import { tinyAutoencoderConfig } from "../../src/models/autoencoder/tiny-autoencoder.ts";
import { vqModelConfig } from "../../src/models/autoencoder/vq-model.ts";
import { clipConfig } from "../../src/models/clip/clip.ts";
import { clipTextConfig } from "../../src/models/clip/clip-text.ts";
import { controlNetConfig } from "../../src/models/control/controlnet-config.ts";
import { t2iAdapterConfig } from "../../src/models/control/t2i-adapter.ts";
import { unetConfig } from "../../src/models/unet/unet-config.ts";
import { loadClipTokenizer } from "../../src/tokenizer/clip-tokenizer.ts";
import stored from "../fixtures/config-fields.json" with { type: "json" };

/** What becomes of a field: it is read, refused where it is this value, or without effect for this reason. */
type Fate = "read" | { readonly refused: unknown } | { readonly unused: string };
type Fields = Readonly<Record<string, unknown>>;

interface ConfigClass {
  readonly read: (config: Fields) => unknown;
  /** A config beside the field in question. */
  readonly base: Fields;
  readonly fates: Readonly<Record<string, Fate>>;
}

const training = { unused: "of training alone" };
const float32 = { unused: "everything is computed in float32" };
const transformers = { unused: "what Python gives back, not what it computes" };
const read = "read";

const AUTOENCODER = {
  in_channels: read,
  out_channels: read,
  down_block_types: read,
  up_block_types: read,
  block_out_channels: read,
  layers_per_block: read,
  act_fn: { refused: "mish" },
  latent_channels: read,
  norm_num_groups: read,
  sample_size: read,
  scaling_factor: read,
  force_upcast: float32,
  mid_block_add_attention: read,
} as const satisfies ConfigClass["fates"];

const PRETRAINED = {
  transformers_version: transformers,
  output_hidden_states: transformers,
  return_dict: transformers,
  dtype: float32,
  chunk_size_feed_forward: { unused: "CLIP has no such chunks" },
  is_encoder_decoder: { unused: "CLIP is none" },
  id2label: { unused: "CLIP has no labels" },
  label2id: { unused: "CLIP has no labels" },
  problem_type: { unused: "CLIP has no labels" },
} as const satisfies ConfigClass["fates"];

const TEXT = {
  vocab_size: read,
  hidden_size: read,
  intermediate_size: read,
  num_hidden_layers: read,
  num_attention_heads: read,
  max_position_embeddings: read,
  hidden_act: { refused: "relu" },
  layer_norm_eps: read,
  attention_dropout: training,
  initializer_range: training,
  initializer_factor: training,
  pad_token_id: { unused: "the tokenizer pads" },
  bos_token_id: { unused: "the tokenizer begins" },
  eos_token_id: read,
} as const satisfies ConfigClass["fates"];

const VISION = {
  hidden_size: read,
  intermediate_size: read,
  projection_dim: { unused: "CLIPModel goes by its own" },
  num_hidden_layers: read,
  num_attention_heads: read,
  num_channels: read,
  image_size: read,
  patch_size: read,
  hidden_act: { refused: "relu" },
  layer_norm_eps: read,
  attention_dropout: training,
  initializer_range: training,
  initializer_factor: training,
} as const satisfies ConfigClass["fates"];

const CLASSES: Readonly<Record<string, ConfigClass>> = {
  UNet2DConditionModel: {
    read: unetConfig,
    base: {},
    fates: {
      sample_size: read,
      in_channels: read,
      out_channels: read,
      center_input_sample: read,
      flip_sin_to_cos: read,
      freq_shift: read,
      down_block_types: read,
      mid_block_type: read,
      up_block_types: read,
      only_cross_attention: read,
      block_out_channels: read,
      layers_per_block: read,
      downsample_padding: read,
      mid_block_scale_factor: read,
      dropout: training,
      act_fn: { refused: "gelu" },
      norm_num_groups: read,
      norm_eps: read,
      cross_attention_dim: read,
      transformer_layers_per_block: read,
      reverse_transformer_layers_per_block: { refused: [1, 1, 1, 1] },
      encoder_hid_dim: { refused: 64 },
      encoder_hid_dim_type: { refused: "text_proj" },
      attention_head_dim: read,
      num_attention_heads: read,
      dual_cross_attention: { refused: true },
      use_linear_projection: read,
      class_embed_type: { refused: "timestep" },
      addition_embed_type: { refused: "text" },
      addition_time_embed_dim: { unused: "of an addition_embed_type" },
      num_class_embeds: read,
      upcast_attention: float32,
      resnet_time_scale_shift: { refused: "ada_group" },
      resnet_skip_time_act: { refused: true },
      resnet_out_scale_factor: { refused: 1.5 },
      time_embedding_type: { refused: "fourier" },
      time_embedding_dim: read,
      time_embedding_act_fn: { refused: "silu" },
      timestep_post_act: { refused: "silu" },
      time_cond_proj_dim: read,
      conv_in_kernel: read,
      conv_out_kernel: read,
      projection_class_embeddings_input_dim: { unused: "of an addition_embed_type" },
      attention_type: { refused: "gated" },
      class_embeddings_concat: { refused: true },
      mid_block_only_cross_attention: read,
      cross_attention_norm: { refused: "layer_norm" },
      addition_embed_type_num_heads: { unused: "of an addition_embed_type that is refused" },
    },
  },
  UNet2DModel: {
    read: unetConfig,
    base: { _class_name: "UNet2DModel" },
    fates: {
      sample_size: read,
      in_channels: read,
      out_channels: read,
      center_input_sample: read,
      time_embedding_type: { refused: "learned" },
      time_embedding_dim: read,
      freq_shift: read,
      flip_sin_to_cos: read,
      down_block_types: read,
      mid_block_type: read,
      up_block_types: read,
      block_out_channels: read,
      layers_per_block: read,
      mid_block_scale_factor: read,
      downsample_padding: read,
      downsample_type: { refused: "resnet" },
      upsample_type: { refused: "resnet" },
      dropout: training,
      act_fn: { refused: "gelu" },
      attention_head_dim: read,
      norm_num_groups: read,
      attn_norm_num_groups: read,
      norm_eps: read,
      resnet_time_scale_shift: { refused: "spatial" },
      add_attention: read,
      class_embed_type: { refused: "timestep" },
      num_class_embeds: read,
      num_train_timesteps: { unused: "of a time_embedding_type that is refused" },
    },
  },
  AutoencoderKL: {
    read: autoencoderKlConfig,
    base: {},
    fates: {
      ...AUTOENCODER,
      shift_factor: { unused: "the pipelines of Stable Diffusion do without" },
      latents_mean: read,
      latents_std: { unused: "one without latents_mean says nothing" },
      use_quant_conv: read,
      use_post_quant_conv: read,
    },
  },
  VQModel: {
    read: vqModelConfig,
    base: {},
    fates: {
      ...AUTOENCODER,
      num_vq_embeddings: read,
      vq_embed_dim: read,
      norm_type: { refused: "spatial" },
      lookup_from_codebook: { refused: true },
    },
  },
  AutoencoderTiny: {
    read: tinyAutoencoderConfig,
    base: {},
    fates: {
      in_channels: read,
      out_channels: read,
      encoder_block_out_channels: read,
      decoder_block_out_channels: read,
      act_fn: { refused: "mish" },
      upsample_fn: { refused: "bilinear" },
      latent_channels: read,
      upsampling_scaling_factor: read,
      num_encoder_blocks: read,
      num_decoder_blocks: read,
      latent_magnitude: { unused: "of a helper that pipelines do not call" },
      latent_shift: { unused: "of a helper that pipelines do not call" },
      force_upcast: float32,
      scaling_factor: read,
      shift_factor: read,
    },
  },
  ControlNetModel: {
    read: controlNetConfig,
    base: {},
    fates: {
      in_channels: read,
      conditioning_channels: read,
      flip_sin_to_cos: read,
      freq_shift: read,
      down_block_types: read,
      mid_block_type: read,
      only_cross_attention: read,
      block_out_channels: read,
      layers_per_block: read,
      downsample_padding: read,
      mid_block_scale_factor: read,
      act_fn: { refused: "gelu" },
      norm_num_groups: read,
      norm_eps: read,
      cross_attention_dim: read,
      transformer_layers_per_block: read,
      encoder_hid_dim: { refused: 64 },
      encoder_hid_dim_type: { refused: "text_proj" },
      attention_head_dim: read,
      num_attention_heads: read,
      use_linear_projection: read,
      class_embed_type: { refused: "timestep" },
      addition_embed_type: { refused: "text" },
      addition_time_embed_dim: { unused: "of an addition_embed_type" },
      num_class_embeds: read,
      upcast_attention: float32,
      resnet_time_scale_shift: { refused: "ada_group" },
      projection_class_embeddings_input_dim: { unused: "of an addition_embed_type" },
      controlnet_conditioning_channel_order: { refused: "gbr" },
      conditioning_embedding_out_channels: read,
      global_pool_conditions: read,
      addition_embed_type_num_heads: { unused: "of an addition_embed_type that is refused" },
    },
  },
  T2IAdapter: {
    read: t2iAdapterConfig,
    base: {},
    fates: {
      in_channels: read,
      channels: read,
      num_res_blocks: read,
      downscale_factor: read,
      adapter_type: { refused: "full_adapter_xxl" },
    },
  },
  CLIPTextConfig: {
    read: (config) => clipTextConfig(config, "config.json", "CLIPTextModelWithProjection"),
    base: {},
    fates: { ...TEXT, projection_dim: read, use_attention_mask: read },
  },
  PreTrainedConfig: {
    read: (config) => clipTextConfig(config),
    base: {},
    fates: { ...PRETRAINED, architectures: read },
  },
  CLIPVisionConfig: { read: (config) => clipConfig({ vision_config: config }), base: {}, fates: VISION },
  CLIPConfig: {
    read: (config) => clipConfig(config),
    base: {},
    fates: {
      text_config: read,
      vision_config: read,
      projection_dim: read,
      logit_scale_init_value: training,
      initializer_factor: training,
    },
  },
  CLIPTokenizer: {
    read: (config) => loadClipTokenizer({ vocab: VOCABULARY, merges: "", config }),
    base: {},
    fates: {
      vocab: { unused: "of Python; here from the tokenizer's files" },
      merges: { unused: "of Python; here from the tokenizer's files" },
      bos_token: read,
      eos_token: read,
      pad_token: read,
      unk_token: read,
      add_bos_token: { unused: "CLIP frames prompts by its post-processor" },
      add_eos_token: { unused: "CLIP frames prompts by its post-processor" },
      add_prefix_space: { unused: "CLIP's words end with </w> instead" },
      added_tokens_decoder: read,
      additional_special_tokens: read,
      extra_special_tokens: read,
      model_max_length: read,
      max_len: read,
      padding_side: { refused: "left" },
      truncation_side: { refused: "left" },
      split_special_tokens: { refused: true },
      ...Object.fromEntries(
        [
          "backend",
          "chat_control_tokens",
          "chat_template",
          "clean_up_tokenization_spaces",
          "clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output",
          "files_loaded",
          "fix_mistral_regex",
          "gguf_file",
          "max_length",
          "model_input_names",
          "model_specific_special_tokens",
          "name_or_path",
          "pad_to_multiple_of",
          "pad_token_type_id",
          "post_processor",
          "processor_class",
          "response_schema",
          "response_template",
          "stride",
          "tokenizer",
          "tokenizer_file",
          "tokenizer_object",
          "tokenizer_padding",
          "tokenizer_truncation",
          "truncation_strategy",
          "unk_id",
          "verbose",
          "vocab_file",
        ].map((field) => [field, { unused: "prompts are padded to the model's length, and CLIP's ids stay the same" }]),
      ),
    },
  },
};

const VOCABULARY = { "<|startoftext|>": 0, "<|endoftext|>": 1 };

const declared: Readonly<Record<string, Fields>> = stored.classes;
const asked: Readonly<Record<string, readonly string[]>> = stored.asked;
const modelClasses = Object.keys(declared).filter((name) => !name.endsWith("Scheduler"));

/** The fields that `read` looks at, whatever they hold. */
function fieldsRead({ read: parse, base }: ConfigClass, change: Fields = {}): Set<string> {
  const looked = new Set<string>();
  const note = (field: string | symbol): void => {
    if (typeof field === "string") looked.add(field);
  };
  const config = new Proxy({ ...base, ...change } as Record<string, unknown>, {
    get(target, field) {
      note(field);
      return typeof field === "string" ? target[field] : undefined;
    },
  });
  parse(config);
  return looked;
}

describe("every field of the config classes of diffusers and transformers", () => {
  test.each(modelClasses)("has its place: %s", (name) => {
    const fields = [...Object.keys(declared[name] ?? {}), ...(asked[name] ?? [])];
    expect(Object.keys(CLASSES[name]?.fates ?? {}).toSorted()).toEqual([...new Set(fields)].toSorted());
  });

  test.each(Object.entries(CLASSES))("is read or without effect as it says: %s", (_name, type) => {
    const looked = fieldsRead(type);
    for (const [field, fate] of Object.entries(type.fates)) {
      expect([field, looked.has(field)]).toEqual([field, fate === "read" || "refused" in fate]);
    }
  });

  const refused = Object.entries(CLASSES).flatMap(([name, type]) =>
    Object.entries(type.fates).flatMap(([field, fate]) =>
      fate !== "read" && "refused" in fate ? [{ name, field, value: fate.refused, type }] : [],
    ),
  );

  test.each(refused)(
    "is refused by name where it is not supported: $field $value of $name",
    ({ field, value, type }) => {
      expect(() => type.read({ ...type.base, [field]: value })).toThrow(field);
    },
  );

  const filled = Object.entries(CLASSES).flatMap(([name, type]) =>
    Object.entries(declared[name] ?? {})
      .filter(([field, value]) => value !== null && type.fates[field] === "read" && name !== "CLIPTokenizer")
      .map(([field]) => ({ name, field, type })),
  );

  test.each(filled)("is not taken for its default where it is null: $field of $name", ({ field, type }) => {
    let config: unknown;
    try {
      config = type.read({ ...type.base, [field]: null });
    } catch (error) {
      expect(String(error)).toContain(field);
      return;
    }
    expect(config).not.toEqual(type.read(type.base));
  });

  test.each(Object.entries(CLASSES).filter(([name]) => name !== "CLIPTokenizer"))(
    "is left out as if its default were given: %s",
    (name, type) => {
      const given = Object.entries(declared[name] ?? {}).filter(
        ([field, value]) => field in type.fates && value !== null,
      );
      expect(type.read({ ...type.base, ...Object.fromEntries(given) })).toEqual(type.read(type.base));
    },
  );
});

describe("every field of a scheduler's class", () => {
  test.each(SCHEDULER_CLASSES)("is known, with its default: %s", (name) => {
    const fields: Readonly<Record<string, { readonly fallback: unknown }>> = SCHEDULER_FIELDS[name];
    const python = Object.entries(declared[name] ?? {}).map(([field, value]) => [field, plainOf(value)]);
    expect(python.length).toBeGreaterThan(0);
    expect(Object.fromEntries(python.map(([field]) => [field, fields[String(field)]?.fallback]))).toEqual(
      Object.fromEntries(python),
    );
  });
});

/** What JSON cannot write is stored as Python does. */
function plainOf(value: unknown): unknown {
  if (typeof value !== "object" || value === null || !("python" in value)) return value;
  if (value.python === "-float('inf')") return Number.NEGATIVE_INFINITY;
  throw new Error(`Unknown default ${JSON.stringify(value)}`);
}
