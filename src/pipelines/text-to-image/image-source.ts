import type { Sampler } from "../../diffusion/sampler.ts";
import type { RgbImage } from "../../image/rgb-image.ts";
import { reduction } from "../../models/autoencoder/image-coder.ts";
import type { RunMode } from "../../systems/published-defaults.ts";
import type { StableDiffusionModel } from "../../systems/stable-diffusion.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { PixelSize } from "./picture-sizes.ts";

/** A picture that an autoencoder has encoded, or that a run left as latents: it is started from without being encoded. */
export interface LatentImage extends PixelSize {
  /** [1 or the images of the run, channels, height, width], as in `latents` of a result. */
  readonly latents: Tensor;
}

/** What a run can be given beside words. */
export interface ImageOptions {
  /** The picture to start from or, with a mask, to change in places; the result has its size. */
  readonly image?: RgbImage | LatentImage | undefined;
  /** White where `image` is to be painted anew, black where it is to stay; of the same size. */
  readonly mask?: RgbImage | undefined;
  /** Above 0, up to 1: how much noise is added and so how many of the steps are taken; the model's own where left out. */
  readonly strength?: number | undefined;
}

/** What a run starts from. */
export type Source =
  | { readonly kind: "noise" }
  | { readonly kind: "image"; readonly image: RgbImage; readonly strength: number }
  | { readonly kind: "latents"; readonly latents: Tensor; readonly strength: number }
  /** As `image`, changing it where `mask` is white. */
  | { readonly kind: "inpaint"; readonly image: RgbImage; readonly mask: RgbImage; readonly strength: number };

/** What a run is for. */
export const modeOf = ({ image, mask }: ImageOptions): RunMode =>
  image === undefined ? "text" : mask === undefined ? "image" : "inpaint";

/** The source that `options` describe, refused where the model or another option does not go with it. */
export function settleSource(
  options: ImageOptions,
  model: StableDiffusionModel,
  { strength: published, images, ...size }: PixelSize & { readonly strength: number; readonly images: number },
): Source {
  const { image, mask } = options;
  if (image === undefined) {
    for (const name of ["mask", "strength"] as const) {
      if (options[name] !== undefined) throw new TypeError(`Cannot generate with a ${name} but no image`);
    }
  }
  if (model.sees === "inpainting" && (image === undefined || mask === undefined)) {
    throw new TypeError(`Cannot generate with "${model.folder}" but by inpainting: it takes an image and a mask`);
  }
  if (image === undefined) return { kind: "noise" };
  requireSize("an image", image, size);
  const { strength = published } = options;
  if (!(strength > 0 && strength <= 1)) {
    throw new RangeError(`Cannot generate with strength ${strength}: a number above 0 and up to 1 is required`);
  }
  if ("latents" in image) {
    if (mask !== undefined) throw new TypeError("Cannot generate with a mask and latents: a picture is required");
    requireLatents(image, model, images);
    return { kind: "latents", latents: image.latents, strength };
  }
  if (mask === undefined) return { kind: "image", image, strength };
  requireSize("a mask", mask, image);
  return { kind: "inpaint", image, mask, strength };
}

/** The evaluation of the schedule that a run from `source` begins with. */
export function beginOf(source: Source, { order = 1 }: Pick<Sampler, "order">, steps: number): number {
  if (source.kind === "noise") return 0;
  const { strength } = source;
  const taken = Math.floor(steps * strength); // in float64, as the reference
  if (taken < 1) {
    throw new RangeError(`Cannot generate with strength ${strength} in ${steps} steps: that leaves no step to take`);
  }
  return (steps - taken) * order;
}

function requireLatents(
  { latents: { shape }, width, height }: LatentImage,
  { vae, unet }: StableDiffusionModel,
  images: number,
): void {
  const factor = reduction(vae.config);
  const required = [unet.config.outChannels, height / factor, width / factor];
  const isOfEach = shape[0] === 1 || shape[0] === images;
  if (isOfEach && shape.length === 4 && required.every((size, i) => size === shape[i + 1])) return;
  const rows = images === 1 ? "1" : `1 or ${images}`;
  throw new RangeError(
    `Cannot generate with latents of [${shape.join(", ")}]: [${[rows, ...required].join(", ")}] is required ` +
      `for ${width}x${height} pixels`,
  );
}

function requireSize(what: string, { width, height }: PixelSize, required: PixelSize): void {
  if (width === required.width && height === required.height) return;
  throw new RangeError(
    `Cannot generate with ${what} of ${width}x${height} pixels: ${required.width}x${required.height} is required`,
  );
}
