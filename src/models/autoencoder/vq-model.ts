import type { Weights } from "../../checkpoint/weights.ts";
import { toImage, toTokens } from "../../layers/attention.ts";
import { conv2d } from "../../layers/conv2d.ts";
import { checkpointScope, type Scope } from "../../layers/scope.ts";
import { type Graph, graphBuilder, type Value } from "../../onnx/graph.ts";
import { argMax, gather, matmul, matmulTransposed, multiply, reshape, scale, subtract } from "../../onnx/ops.ts";
import { configReader } from "../config-reader.ts";
import { withCurrentNames } from "../key-names.ts";
import { type CoderShape, type ImageCoderConfig, imageCoderConfig, imageDecoder, imageEncoder } from "./image-coder.ts";

/** An autoencoder whose latents are drawn from a codebook. */
export interface VqModelConfig extends ImageCoderConfig {
  readonly codebookSize: number;
  /** Channels of the latent and width of a codebook entry. */
  readonly codeWidth: number;
}

/** Reads a diffusers config.json of VQModel; an unsupported setting is refused by name. */
export function vqModelConfig(config: unknown, source = "vqvae/config.json"): VqModelConfig {
  const read = configReader(config, source);
  read.only("_class_name", ["VQModel"]);
  read.only("norm_type", ["group"]);
  read.only("lookup_from_codebook", [false]);
  const coder = imageCoderConfig(read, 3);
  return {
    ...coder,
    codebookSize: read.integer("num_vq_embeddings", 256),
    codeWidth: read.has("vq_embed_dim") ? read.integer("vq_embed_dim") : coder.latentChannels,
  };
}

/** From `image` [B, 3, H, W] in [-1, 1] to `latent`, not quantised yet. */
export function vqEncoder(config: VqModelConfig, shape: CoderShape, weights?: Weights): Graph {
  const { inChannels, latentChannels, codeWidth } = config;
  const builder = graphBuilder("vq_encoder");
  const { root, check } = checkpointScope(builder, weights && withCurrentNames(weights));
  const image = builder.input("image", "F32", [shape.batch, inChannels, shape.height, shape.width]);
  const encoded = imageEncoder(root.at("encoder"), image, config, latentChannels);
  const latent = conv2d(root.at("quant_conv"), encoded, codeWidth);
  check("VQModel's encoder", [/^decoder\./, /^quantize\./, /^post_quant_conv\./]);
  return builder.finish({ latent });
}

export interface VqDecoderOptions extends CoderShape {
  /** Whether every pixel of the latent is replaced by its codebook entry first; then `quantized` is an output too. */
  readonly quantize?: boolean;
}

/** From `latent` [B, C, h, w] to `image` in about [-1, 1]. */
export function vqDecoder(config: VqModelConfig, options: VqDecoderOptions, weights?: Weights): Graph {
  const { batch, height, width, quantize = true } = options;
  const { latentChannels, codeWidth } = config;
  const builder = graphBuilder("vq_decoder");
  const { root, check } = checkpointScope(builder, weights && withCurrentNames(weights));
  const latent = builder.input("latent", "F32", [batch, codeWidth, height, width]);
  const quantized = quantize ? nearestCodes(root.at("quantize"), latent, config) : latent;
  const h = conv2d(root.at("post_quant_conv"), quantized, latentChannels);
  const image = imageDecoder(root.at("decoder"), h, config);
  check("VQModel's decoder", [/^encoder\./, /^quant_conv\./, ...(quantize ? [] : [/^quantize\./])]);
  return builder.finish(quantize ? { image, quantized } : { image });
}

/** Every pixel of x [B, C, H, W] replaced by the codebook entry e that is nearest: the one of largest x·e - |e|²/2. */
function nearestCodes(scope: Scope, x: Value, { codebookSize, codeWidth }: VqModelConfig): Value {
  const codebook = scope.at("embedding").weight("weight", [codebookSize, codeWidth]);
  const ones = scope.builder.constant(new Float32Array(codeWidth).fill(1), [codeWidth, 1]);
  const halves = scale(reshape(matmul(multiply(codebook, codebook), ones), [codebookSize]), 0.5);
  const nearness = subtract(matmulTransposed(toTokens(x), codebook), halves);
  return toImage(gather(codebook, argMax(nearness)), x);
}
