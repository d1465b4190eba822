import type { Weights } from "../../checkpoint/weights.ts";
import { ACTIVATIONS, type ActivationName } from "../../layers/activations.ts";
import { conv2d } from "../../layers/conv2d.ts";
import { checkpointScope, type Scope } from "../../layers/scope.ts";
import { type Graph, graphBuilder, type Value } from "../../onnx/graph.ts";
import { add, relu, resizeNearest, scalar, scale, sizeOf, subtract, tanh } from "../../onnx/ops.ts";
import { entry } from "../../tensor/tensor.ts";
import { type ConfigReader, configReader, LAYER_COUNT } from "../config-reader.ts";
import type { CoderShape } from "./image-coder.ts";

/** Stages of a tiny encoder or decoder in the order in which they run. */
interface TinyStage {
  readonly channels: number;
  readonly blocks: number;
}

/** A small autoencoder distilled from a large one (TAESD); its latents stand in for the large one's. */
export interface TinyAutoencoderConfig {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly latentChannels: number;
  readonly encoder: readonly TinyStage[];
  readonly decoder: readonly TinyStage[];
  readonly activation: ActivationName;
  readonly upscale: number;
  readonly scalingFactor: number;
  readonly shiftFactor: number;
}

/** Reads a diffusers config.json of AutoencoderTiny; an unsupported setting is refused by name. */
export function tinyAutoencoderConfig(config: unknown, source = "vae/config.json"): TinyAutoencoderConfig {
  const read = configReader(config, source);
  read.only("_class_name", ["AutoencoderTiny"]);
  read.only("upsample_fn", ["nearest"]);
  return {
    inChannels: read.integer("in_channels", 3),
    outChannels: read.integer("out_channels", 3),
    latentChannels: read.integer("latent_channels", 4),
    encoder: stages(read, "encoder_block_out_channels", "num_encoder_blocks", [1, 3, 3, 3]),
    decoder: stages(read, "decoder_block_out_channels", "num_decoder_blocks", [3, 3, 3, 1]),
    activation: read.choice("act_fn", { relu: "relu", silu: "silu", swish: "silu", gelu: "gelu" } as const, "relu"),
    upscale: read.integer("upsampling_scaling_factor", 2, { most: 16 }),
    scalingFactor: read.number("scaling_factor", 1),
    shiftFactor: read.number("shift_factor", 0),
  };
}

/** How many times larger pictures are than latents, along a side. */
export const tinyReduction = ({ decoder, upscale }: TinyAutoencoderConfig): number => upscale ** (decoder.length - 1);

function stages(read: ConfigReader, widths: string, counts: string, fallback: readonly number[]): readonly TinyStage[] {
  const channels = read.integers(widths, [64, 64, 64, 64]);
  if (channels.some((width) => width !== channels[0])) read.fail(widths, "a list of one and the same width");
  const blocks = read.integers(counts, fallback, LAYER_COUNT);
  if (blocks.length !== channels.length) read.fail(counts, `a list of ${channels.length}, one for each stage,`);
  return blocks.map((count, i) => ({ channels: entry(channels, i), blocks: count }));
}

/** From `image` [B, 3, H, W] in [-1, 1] to `latent`; a side that is odd at some stage is rounded up there. */
export function tinyEncoder(config: TinyAutoencoderConfig, shape: CoderShape, weights?: Weights): Graph {
  const builder = graphBuilder("tiny_encoder");
  const { root, check } = checkpointScope(builder, weights);
  const image = builder.input("image", "F32", [shape.batch, config.inChannels, shape.height, shape.width]);
  const next = sequence(root.at("encoder.layers"));
  let h = scale(add(image, scalar(image, 1)), 0.5);
  config.encoder.forEach(({ channels, blocks }, i) => {
    h = conv2d(next(), h, channels, { ...THREE, ...(i === 0 ? {} : { stride: 2, bias: false }) });
    for (let j = 0; j < blocks; j++) h = tinyBlock(next().at("conv"), h, config);
  });
  const latent = conv2d(next(), h, config.latentChannels, THREE);
  check("AutoencoderTiny's encoder", [/^decoder\./]);
  return builder.finish({ latent });
}

/** From `latent` [B, C, h, w] to `image` in about [-1, 1]. */
export function tinyDecoder(config: TinyAutoencoderConfig, shape: CoderShape, weights?: Weights): Graph {
  const { decoder, activation, upscale } = config;
  const builder = graphBuilder("tiny_decoder");
  const { root, check } = checkpointScope(builder, weights);
  const latent = builder.input("latent", "F32", [shape.batch, config.latentChannels, shape.height, shape.width]);
  const next = sequence(root.at("decoder.layers"));
  const range = 3; // latents are squashed into [-3, 3]
  const squashed = scale(tanh(scale(latent, 1 / range)), range);
  let h = ACTIVATIONS[activation](conv2d(next(), squashed, entry(decoder, 0).channels, THREE));
  next(); // the activation has a place in the sequence, and so have the enlargements
  decoder.forEach(({ channels, blocks }, i) => {
    for (let j = 0; j < blocks; j++) h = tinyBlock(next().at("conv"), h, config);
    if (i === decoder.length - 1) {
      h = conv2d(next(), h, config.outChannels, THREE);
    } else {
      next();
      const enlarged = resizeNearest(h, upscale * sizeOf(h, 2), upscale * sizeOf(h, 3));
      h = conv2d(next(), enlarged, channels, { ...THREE, bias: false });
    }
  });
  const image = subtract(scale(h, 2), scalar(h, 1));
  check("AutoencoderTiny's decoder", [/^encoder\./]);
  return builder.finish({ image });
}

const THREE = { kernel: 3, padding: 1 } as const;

/** Hands out the numbered places of a torch.nn.Sequential one after another. */
function sequence(scope: Scope): () => Scope {
  let index = 0;
  return () => scope.at(`${index++}`);
}

/** Three convolutions with activations between them around a residual. */
function tinyBlock(scope: Scope, x: Value, { activation }: TinyAutoencoderConfig): Value {
  const [width, act] = [sizeOf(x, 1), ACTIVATIONS[activation]];
  const h = act(conv2d(scope.at("0"), x, width, THREE));
  return relu(add(conv2d(scope.at("4"), act(conv2d(scope.at("2"), h, width, THREE)), width, THREE), x));
}
