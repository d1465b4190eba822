import { silu } from "../../layers/activations.ts";
import { attentionBlock } from "../../layers/attention.ts";
import { conv2d } from "../../layers/conv2d.ts";
import { groupNorm } from "../../layers/norms.ts";
import { downsample, resnetBlock } from "../../layers/resnet-block.ts";
import type { Scope } from "../../layers/scope.ts";
import { upsampleInPhases } from "../../layers/upsample-in-phases.ts";
import type { Value } from "../../onnx/graph.ts";
import { sizeOf } from "../../onnx/ops.ts";
import { entry } from "../../tensor/tensor.ts";
import { type ConfigReader, isPositive, LAYER_COUNT } from "../config-reader.ts";

/** The convolutional encoder and decoder that AutoencoderKL and VQModel share; levels run from the finest. */
export interface ImageCoderConfig {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly latentChannels: number;
  readonly channels: readonly number[];
  /** Residual blocks in a level of the encoder; the decoder has one more. */
  readonly layers: number;
  readonly groups: number;
  readonly midAttention: boolean;
  /** Whether self-attention follows the residual blocks of a level; without a list, of none. */
  readonly attentionLevels?: readonly boolean[];
  readonly scalingFactor: number;
  /** Side of the images that it was trained on, where the config says so. */
  readonly sampleSize?: number | undefined;
}

/** The sizes that one half of an autoencoder is built for: of the image for an encoder, of the latent for a decoder. */
export interface CoderShape {
  readonly batch: number;
  readonly height: number;
  readonly width: number;
}

const EPSILON = 1e-6;

export function imageCoderConfig(read: ConfigReader, latentChannels: number): ImageCoderConfig {
  const channels = read.integers("block_out_channels", [64]);
  for (const [field, type] of [
    ["down_block_types", "DownEncoderBlock2D"],
    ["up_block_types", "UpDecoderBlock2D"],
  ] as const) {
    const types = read.strings(field, [type]);
    if (types.length !== channels.length || types.some((name) => name !== type)) {
      read.fail(field, `a list of ${channels.length} ${type}`);
    }
  }
  const groups = read.integer("norm_num_groups", 32);
  if (channels.some((width) => width % groups !== 0)) read.fail("norm_num_groups", `a divisor of ${channels} channels`);
  read.only("act_fn", ["silu", "swish"]);
  if (channels.length === 0) read.fail("block_out_channels", "one width at least");
  if (read.number("scaling_factor", 0.18215) === 0) read.fail("scaling_factor", "a number other than 0");
  return {
    inChannels: read.integer("in_channels", 3),
    outChannels: read.integer("out_channels", 3),
    latentChannels: read.integer("latent_channels", latentChannels),
    channels,
    layers: read.integer("layers_per_block", 1, LAYER_COUNT),
    groups,
    midAttention: read.boolean("mid_block_add_attention", true),
    scalingFactor: read.number("scaling_factor", 0.18215),
    sampleSize: read.perLevel("sample_size", 2, isPositive, 32)[0],
  };
}

/** How many times smaller than its image a latent is along each side. */
export const reduction = ({ channels }: Pick<ImageCoderConfig, "channels">): number => 2 ** (channels.length - 1);

/** An image down to `moments` channels; a side that is odd at some level loses its last row or column there. */
export function imageEncoder(scope: Scope, image: Value, config: ImageCoderConfig, moments: number): Value {
  const { channels, layers } = config;
  let h = conv2d(scope.at("conv_in"), image, entry(channels, 0), { kernel: 3, padding: 1 });
  channels.forEach((width, i) => {
    const block = scope.at(`down_blocks.${i}`);
    for (let j = 0; j < layers; j++) h = layer(block, j, h, config, width, config.attentionLevels?.[i]);
    if (i < channels.length - 1) h = downsample(block.at("downsamplers.0"), h, 0);
  });
  return finish(scope, middle(scope.at("mid_block"), h, config), config, moments);
}

/** A latent up to an image. */
export function imageDecoder(scope: Scope, latent: Value, config: ImageCoderConfig): Value {
  const channels = config.channels.toReversed();
  const attends = config.attentionLevels?.toReversed();
  const first = conv2d(scope.at("conv_in"), latent, entry(channels, 0), { kernel: 3, padding: 1 });
  let h = middle(scope.at("mid_block"), first, config);
  channels.forEach((width, i) => {
    const block = scope.at(`up_blocks.${i}`);
    for (let j = 0; j <= config.layers; j++) h = layer(block, j, h, config, width, attends?.[i]);
    if (i < channels.length - 1) h = upsampleInPhases(block.at("upsamplers.0"), h);
  });
  return finish(scope, h, config, config.outChannels);
}

const resnet = (scope: Scope, x: Value, { groups }: ImageCoderConfig, channels: number): Value =>
  resnetBlock(scope, x, { channels, groups, epsilon: EPSILON });

const attend = (scope: Scope, x: Value, { groups }: ImageCoderConfig): Value =>
  attentionBlock(scope, x, { heads: 1, groups, epsilon: EPSILON });

function layer(
  block: Scope,
  index: number,
  x: Value,
  config: ImageCoderConfig,
  channels: number,
  attends = false,
): Value {
  const h = resnet(block.at(`resnets.${index}`), x, config, channels);
  return attends ? attend(block.at(`attentions.${index}`), h, config) : h;
}

function middle(scope: Scope, x: Value, config: ImageCoderConfig): Value {
  const width = sizeOf(x, 1);
  const h = resnet(scope.at("resnets.0"), x, config, width);
  const attended = config.midAttention ? attend(scope.at("attentions.0"), h, config) : h;
  return resnet(scope.at("resnets.1"), attended, config, width);
}

function finish(scope: Scope, x: Value, { groups }: ImageCoderConfig, channels: number): Value {
  const normal = silu(groupNorm(scope.at("conv_norm_out"), x, { groups, epsilon: EPSILON }));
  return conv2d(scope.at("conv_out"), normal, channels, { kernel: 3, padding: 1 });
}
