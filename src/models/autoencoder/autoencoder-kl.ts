import type { Weights } from "../../checkpoint/weights.ts";
import { conv2d } from "../../layers/conv2d.ts";
import { checkpointScope } from "../../layers/scope.ts";
import { type Graph, graphBuilder } from "../../onnx/graph.ts";
import { clip, slice } from "../../onnx/ops.ts";
import { entry, type Tensor } from "../../tensor/tensor.ts";
import { type ConfigReader, configReader } from "../config-reader.ts";
import { withCurrentNames } from "../key-names.ts";
import { type CoderShape, type ImageCoderConfig, imageCoderConfig, imageDecoder, imageEncoder } from "./image-coder.ts";

/** A variational autoencoder. */
export interface AutoencoderKlConfig extends ImageCoderConfig {
  /** Of latents, channel by channel, where they were measured; only some pipelines go by them. */
  readonly statistics?: { readonly mean: readonly number[]; readonly deviation: readonly number[] } | undefined;
  readonly quantConv: boolean;
  readonly postQuantConv: boolean;
}

/** Reads a diffusers config.json of AutoencoderKL; an unsupported setting is refused by name. */
export function autoencoderKlConfig(config: unknown, source = "vae/config.json"): AutoencoderKlConfig {
  const read = configReader(config, source);
  read.only("_class_name", ["AutoencoderKL"]);
  const coder = imageCoderConfig(read, 4);
  return {
    ...coder,
    statistics: statistics(read, coder.latentChannels),
    quantConv: read.boolean("use_quant_conv", true),
    postQuantConv: read.boolean("use_post_quant_conv", true),
  };
}

/** One of the two alone says nothing, to the reference as well. */
function statistics(read: ConfigReader, channels: number): AutoencoderKlConfig["statistics"] {
  if (!read.has("latents_mean") || !read.has("latents_std")) return undefined;
  const [mean, deviation] = [read.numbers("latents_mean", channels), read.numbers("latents_std", channels)];
  if (deviation.includes(0)) read.fail("latents_std", "a list without 0");
  return { mean, deviation };
}

/** The range of the logarithm of the variance, outside of which its exponential is of no use in float32. */
const LOGVAR = { low: -30, high: 20 } as const;

/** From `image` [B, 3, H, W] in [-1, 1] to `mean` and `logvar` of the latent's distribution. */
export function autoencoderEncoder(config: AutoencoderKlConfig, shape: CoderShape, weights?: Weights): Graph {
  const { inChannels, latentChannels, quantConv } = config;
  const builder = graphBuilder("autoencoder_encoder");
  const { root, check } = checkpointScope(builder, weights && withCurrentNames(weights));
  const image = builder.input("image", "F32", [shape.batch, inChannels, shape.height, shape.width]);
  const encoded = imageEncoder(root.at("encoder"), image, config, 2 * latentChannels);
  const moments = quantConv ? conv2d(root.at("quant_conv"), encoded, 2 * latentChannels) : encoded;
  const mean = slice(moments, 1, 0, latentChannels);
  const logvar = clip(slice(moments, 1, latentChannels, 2 * latentChannels), LOGVAR.low, LOGVAR.high);
  check("AutoencoderKL's encoder", [/^decoder\./, /^post_quant_conv\./]);
  return builder.finish({ mean, logvar });
}

/** A latent drawn from the encoder's distribution by `noise` of unit variance; the mean itself is the other choice. */
export function sampleLatent(mean: Tensor, logvar: Tensor, noise: Tensor): Tensor {
  const count = mean.data.length;
  if (logvar.data.length !== count || noise.data.length !== count) {
    throw new RangeError(`Cannot draw a latent [${mean.shape}] from [${logvar.shape}] by noise [${noise.shape}]`);
  }
  const data = mean.data.map((value, i) => value + Math.exp(0.5 * entry(logvar.data, i)) * entry(noise.data, i));
  return { data, shape: mean.shape };
}

/** From `latent` [B, C, h, w], no longer scaled, to `image` in about [-1, 1]. */
export function autoencoderDecoder(config: AutoencoderKlConfig, shape: CoderShape, weights?: Weights): Graph {
  const { latentChannels, postQuantConv } = config;
  const builder = graphBuilder("autoencoder_decoder");
  const { root, check } = checkpointScope(builder, weights && withCurrentNames(weights));
  const latent = builder.input("latent", "F32", [shape.batch, latentChannels, shape.height, shape.width]);
  const h = postQuantConv ? conv2d(root.at("post_quant_conv"), latent, latentChannels) : latent;
  const image = imageDecoder(root.at("decoder"), h, config);
  check("AutoencoderKL's decoder", [/^encoder\./, /^quant_conv\./]);
  return builder.finish({ image });
}
