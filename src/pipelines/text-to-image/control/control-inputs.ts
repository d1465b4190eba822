import type { Conditioning } from "../../../denoisers/evaluation.ts";
import { resizeImage } from "../../../image/geometry/resize.ts";
import { preprocessor } from "../../../image/preprocess/preprocess.ts";
import { controlImageName, controlScaleName } from "../../../models/control/control-network.ts";
import type { Tensor } from "../../../tensor/tensor.ts";
import { luma } from "../inpainting-mask.ts";
import type { PixelSize } from "../picture-sizes.ts";
import type { SettledControl, SettledControls } from "./control-options.ts";

/** What the U-Net's graph is told of the pictures, which stays the same over a run. */
export const controlConditioning = ({ controls }: SettledControls, size: PixelSize): Conditioning =>
  Object.fromEntries(controls.map((control, index) => [controlImageName(index), controlSamples(control, size)]));

/** How strongly each network steers evaluation `evaluation` of `evaluations`: not at all outside of its part of the run. */
export const controlStrengths = (
  { controls }: SettledControls,
  evaluation: number,
  evaluations: number,
): Conditioning =>
  Object.fromEntries(
    controls.map(({ scale, start, end }, index) => {
      const isOutside = evaluation / evaluations < start || (evaluation + 1) / evaluations > end;
      return [controlScaleName(index), { data: Float32Array.of(isOutside ? 0 : scale), shape: [1] }];
    }),
  );

/** A picture as diffusers shows it to a control network: stretched by Lanczos' filter, from 0 to 1. */
function controlSamples({ network, image, preprocessing }: SettledControl, { width, height }: PixelSize): Tensor {
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
