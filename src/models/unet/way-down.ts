import { conv2d } from "../../layers/conv2d.ts";
import { downsample } from "../../layers/resnet-block.ts";
import type { Scope } from "../../layers/scope.ts";
import type { Value } from "../../onnx/graph.ts";
import { add } from "../../onnx/ops.ts";
import { entry } from "../../tensor/tensor.ts";
import type { layerEmitter } from "./unet-blocks.ts";
import type { UNetConfig } from "./unet-types.ts";

/** A convolution that keeps the size. */
export const sameSize = (kernel: number) => ({ kernel, padding: (kernel - 1) / 2 });

/** What goes into a way down beside the layers' own inputs. */
export interface WayDownInputs {
  readonly sample: Value;
  /** Added to what comes out of `conv_in`. */
  readonly hint?: Value | undefined;
  /** Added to the result of each level; none for a level without one. */
  readonly features?: readonly (Value | undefined)[] | undefined;
}

/** From the sample to what the middle gets, with the skips that a U-Net pushes on its way; a ControlNet has the same. */
export function wayDown(
  root: Scope,
  config: UNetConfig,
  layers: ReturnType<typeof layerEmitter>,
  { sample, hint, features = [] }: WayDownInputs,
): { readonly skips: readonly Value[]; readonly deepest: Value } {
  const stem = conv2d(root.at("conv_in"), sample, entry(config.down, 0).channels, sameSize(config.kernelIn));
  let h = hint === undefined ? stem : add(stem, hint);
  const skips = [h];
  config.down.forEach((level, i) => {
    const block = root.at(`down_blocks.${i}`);
    const isLast = i === config.down.length - 1;
    const feature = features[i];
    // As in diffusers: before the downsampler where the level looks at the prompt, behind it elsewhere.
    const beforeSampler = isLast || level.attention.kind === "cross";
    for (let j = 0; j < level.layers; j++) {
      h = layers.layer(block, j, h, level);
      if (feature !== undefined && beforeSampler && j === level.layers - 1) h = add(h, feature);
      skips.push(h);
    }
    if (isLast) return;
    h = downsample(block.at("downsamplers.0"), h, config.downsamplePadding);
    if (feature !== undefined && !beforeSampler) h = add(h, feature);
    skips.push(h);
  });
  return { skips, deepest: h };
}
