import { resizeImage } from "../../../image/geometry/resize.ts";
import { preprocessor } from "../../../image/preprocess/preprocess.ts";
import type { Tensor } from "../../../tensor/tensor.ts";
import { luma } from "../inpainting-mask.ts";
import type { PixelSize } from "../picture-sizes.ts";
import type { SettledControl } from "./control-options.ts";

/** A picture as diffusers shows it to a control network: stretched by Lanczos' filter, from 0 to 1. */
export function controlSamples(
  { network, image, preprocessing }: SettledControl,
  { width, height }: PixelSize,
): Tensor {
  const { kind, config } = network;
  const { data } = preprocessor(preprocessing)(resizeImage(image, width, height, "lanczos"));
  const channels = config.hintChannels;
  const blueFirst = kind === "controlnet" && config.blueFirst;
  const plane = width * height;
  const level = (pixel: number, channel: number): number => {
    const at = 3 * pixel;
    return channels === 3
      ? data[at + (blueFirst ? 2 - channel : channel)]!
      : luma(data[at]!, data[at + 1]!, data[at + 2]!);
  };
  const values = new Float32Array(channels * plane);
  for (let channel = 0; channel < channels; channel++) {
    for (let i = 0; i < plane; i++) values[channel * plane + i] = level(i, channel) / 255;
  }
  return { data: values, shape: [1, channels, height, width] };
}
