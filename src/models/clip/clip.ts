import type { Weights } from "../../checkpoint/weights.ts";
import { toTokens } from "../../layers/attention.ts";
import { type ClipEncoderConfig, clipEncoder } from "../../layers/clip-encoder.ts";
import { conv2d } from "../../layers/conv2d.ts";
import { layerNorm } from "../../layers/norms.ts";
import { checkpointScope, type Scope } from "../../layers/scope.ts";
import { type Builder, type Graph, graphBuilder, type Value } from "../../onnx/graph.ts";
import {
  add,
  concat,
  divide,
  exp,
  expand,
  matmulTransposed,
  multiply,
  reshape,
  slice,
  vectorLength,
} from "../../onnx/ops.ts";
import { entry, type Tensor } from "../../tensor/tensor.ts";
import { type ConfigReader, configReader } from "../config-reader.ts";
import {
  type ClipTextConfig,
  checkLength,
  clipEncoderConfig,
  POSITION_IDS,
  projected,
  textTower,
  textTowerConfig,
} from "./clip-text.ts";

export interface ClipVisionConfig extends ClipEncoderConfig {
  readonly width: number;
  readonly channels: number;
  /** Height and width of an image. */
  readonly imageSize: number;
  readonly patchSize: number;
}

/** CLIP: a tower for texts and one for images that meet in vectors of `projection` numbers. */
export interface ClipConfig {
  readonly text: ClipTextConfig;
  readonly vision: ClipVisionConfig;
  readonly projection: number;
}

/** Reads a transformers config.json of CLIPModel. */
export function clipConfig(config: unknown, source = "config.json"): ClipConfig {
  const read = configReader(config, source);
  read.only("model_type", ["clip"]);
  const projection = read.integer("projection_dim", 512);
  return {
    // Configs of 2022 have the `_dict` fields alone, later ones both.
    text: textTowerConfig(read.section(read.has("text_config") ? "text_config" : "text_config_dict"), projection),
    vision: visionConfig(read.section(read.has("vision_config") ? "vision_config" : "vision_config_dict")),
    projection,
  };
}

function visionConfig(read: ConfigReader): ClipVisionConfig {
  const [imageSize, patchSize] = [read.integer("image_size", 224), read.integer("patch_size", 32)];
  if (patchSize < 1 || patchSize > imageSize) read.fail("patch_size", `a whole number from 1 to ${imageSize}`);
  return {
    ...clipEncoderConfig(read, { width: 768, innerWidth: 3072, heads: 12 }),
    channels: read.integer("num_channels", 3),
    imageSize,
    patchSize,
  };
}

/**
 * From `pixel_values` [B, 3, S, S] to `last_hidden_state`, `image_features` [B, P] and `image_embeds`, the same as unit
 * vectors.
 */
export function clipImageModel(config: ClipConfig, { batch }: { readonly batch: number }, weights?: Weights): Graph {
  const builder = graphBuilder("clip_image");
  const { root, check } = checkpointScope(builder, weights);
  const { lastHiddenState, features } = imageFeatures(root, pixelInput(builder, batch, config), config);
  check("CLIPModel's image tower", [POSITION_IDS, /^text_model\./, /^text_projection\b/, /^logit_scale$/]);
  return builder.finish({
    last_hidden_state: lastHiddenState,
    image_features: features,
    image_embeds: unitVectors(features),
  });
}

/** From `input_ids` [B, L] to `text_features` [B, P] and `text_embeds`, the same as unit vectors. */
export function clipPromptModel(
  config: ClipConfig,
  { batch, length }: { readonly batch: number; readonly length: number },
  weights?: Weights,
): Graph {
  checkLength(config.text, length);
  const builder = graphBuilder("clip_prompt");
  const { root, check } = checkpointScope(builder, weights);
  const features = textFeatures(root, builder.input("input_ids", "I64", [batch, length]), config);
  check("CLIPModel's text tower", [POSITION_IDS, /^vision_model\./, /^visual_projection\b/, /^logit_scale$/]);
  return builder.finish({ text_features: features, text_embeds: unitVectors(features) });
}

/** Both towers; `logits_per_image` [images, texts] says how well each text fits each image. */
export function clipModel(
  config: ClipConfig,
  { images, texts, length }: { readonly images: number; readonly texts: number; readonly length: number },
  weights?: Weights,
): Graph {
  checkLength(config.text, length);
  const builder = graphBuilder("clip");
  const { root, check } = checkpointScope(builder, weights);
  const image = unitVectors(imageFeatures(root, pixelInput(builder, images, config), config).features);
  const text = unitVectors(textFeatures(root, builder.input("input_ids", "I64", [texts, length]), config));
  const logits = multiply(matmulTransposed(image, text), exp(root.weight("logit_scale", [])));
  check("CLIPModel", [POSITION_IDS]);
  return builder.finish({ image_embeds: image, text_embeds: text, logits_per_image: logits });
}

/** The CLIP score of every image and its text: 100 times the cosine of their unit vectors [N, P], 0 at least. */
export function clipScores(images: Tensor, texts: Tensor): number[] {
  const [count = 0, width = 0] = images.shape;
  if (images.shape.join() !== texts.shape.join()) {
    throw new RangeError(`Cannot score images [${images.shape}] by texts [${texts.shape}]: one text each is required`);
  }
  return Array.from({ length: count }, (_, row) => {
    let cosine = 0;
    for (let i = row * width; i < (row + 1) * width; i++) cosine += entry(images.data, i) * entry(texts.data, i);
    return Math.max(0, 100 * cosine);
  });
}

const pixelInput = (builder: Builder, batch: number, { vision }: ClipConfig): Value =>
  builder.input("pixel_values", "F32", [batch, vision.channels, vision.imageSize, vision.imageSize]);

const unitVectors = (x: Value): Value => divide(x, vectorLength(x));

const textFeatures = (root: Scope, ids: Value, { text, projection }: ClipConfig): Value =>
  projected(root, "text_projection", textTower(root.at("text_model"), ids, text).pooled, projection);

/** A transformer over the image's patches and one token more, which comes to stand for the whole image. */
function imageFeatures(root: Scope, pixels: Value, { vision, projection }: ClipConfig) {
  const { width, patchSize, epsilon, layers } = vision;
  const scope = root.at("vision_model");
  const embeddings = scope.at("embeddings");
  const cut = { kernel: patchSize, stride: patchSize, bias: false };
  const patches = toTokens(conv2d(embeddings.at("patch_embedding"), pixels, width, cut));
  const [batch = 0, count = 0] = patches.shape;
  const whole = expand(reshape(embeddings.weight("class_embedding", [width]), [1, 1, width]), [batch, 1, width]);
  const positions = embeddings.at("position_embedding").weight("weight", [count + 1, width]);
  const tokens = layerNorm(scope.at("pre_layrnorm"), add(concat([whole, patches], 1), positions), epsilon);
  const lastHiddenState = entry(clipEncoder(scope.at("encoder"), tokens, vision), layers);
  const first = reshape(slice(lastHiddenState, 1, 0, 1), [batch, width]);
  const pooled = layerNorm(scope.at("post_layernorm"), first, epsilon);
  return { lastHiddenState, features: projected(root, "visual_projection", pooled, projection) };
}
