import { enlargeSmoothly } from "../../image/geometry/enlarge.ts";
import type { RgbImage } from "../../image/rgb-image.ts";
import { samplesToImages } from "../../image/samples.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { LatentDecoder } from "./latent-decoder.ts";

/** How previews are made: by a tiny autoencoder, by a linear approximation, or by the model's own decoder. */
export const PREVIEW_KINDS = ["tiny", "linear", "full"] as const;

/** One of `PREVIEW_KINDS`. */
export type PreviewKind = (typeof PREVIEW_KINDS)[number];

/** What turns latents on their way into pictures. */
export type Previewer =
  | { readonly kind: "tiny" | "full"; readonly decoder: LatentDecoder | undefined }
  | { readonly kind: "linear"; images(latents: Tensor): readonly RgbImage[] };

/** Red, green and blue of a latent's four channels, and of none; in a range from -1 to 1. */
interface LinearSpace {
  readonly channels: readonly (readonly [number, number, number])[];
  readonly offset: readonly [number, number, number];
}

/** Stable Diffusion 1 and 2, as measured by Keturn (discuss.huggingface.co, "Decoding latents to RGB without upscaling"). */
const STABLE: LinearSpace = {
  channels: [
    [0.298, 0.207, 0.208],
    [0.187, 0.286, 0.173],
    [-0.158, 0.189, 0.264],
    [-0.184, -0.271, -0.473],
  ],
  offset: [0, 0, 0],
};

const levels = (...values: readonly [number, number, number]): readonly [number, number, number] => {
  const [red, green, blue] = values;
  return [red / 127.5, green / 127.5, blue / 127.5];
};

/** SDXL, as measured by Vass (huggingface.co/blog/TimothyAlexisVass/explaining-the-sdxl-latent-space), in levels there. */
const XL: LinearSpace = {
  channels: [levels(60, 60, 60), levels(-60, -5, 10), levels(25, 15, -5), levels(-70, -50, -35)],
  offset: levels(150 - 127.5, 140 - 127.5, 130 - 127.5),
};

/** Published latent spaces, told by the scale of their latents. */
const SPACES: ReadonlyMap<number, LinearSpace> = new Map([
  [0.18215, STABLE],
  [0.13025, XL],
]);

/** What of an autoencoder tells its latent space. */
interface LatentSpace {
  readonly scalingFactor: number;
  readonly latentChannels: number;
}

const spaceOf = ({ scalingFactor, latentChannels }: LatentSpace): LinearSpace | undefined => {
  const space = SPACES.get(scalingFactor);
  return space?.channels.length === latentChannels ? space : undefined;
};

/** Whether a latent space has a linear approximation that is known. */
export const hasLinearPreviews = (latents: LatentSpace): boolean => spaceOf(latents) !== undefined;

/** Previews of latents `factor` times smaller than pictures by a linear approximation, where there is one. */
export function linearPreviewer(latentSpace: LatentSpace, factor: number): Previewer | undefined {
  const space = spaceOf(latentSpace);
  if (space === undefined) return undefined;
  return {
    kind: "linear",
    images: (latents) => samplesToImages(approximated(latents, space)).map((image) => enlargeSmoothly(image, factor)),
  };
}

function approximated({ data, shape }: Tensor, { channels, offset }: LinearSpace): Tensor {
  const [batch = 0, depth = 0, height = 0, width = 0] = shape;
  const plane = height * width;
  const colors = new Float32Array(batch * 3 * plane);
  for (let row = 0; row < batch; row++) {
    for (let color = 0; color < 3; color++) {
      for (let i = 0; i < plane; i++) {
        let sum = offset[color] ?? 0;
        for (const [channel, weights] of channels.entries()) {
          sum += (weights[color] ?? 0) * (data[(row * depth + channel) * plane + i] ?? 0);
        }
        colors[(row * 3 + color) * plane + i] = sum;
      }
    }
  }
  return { data: colors, shape: [batch, 3, height, width] };
}
