import { paste, plainImage, type RgbImage } from "../rgb-image.ts";
import { roundHalfToEven } from "../round-half-to-even.ts";
import { type Region, resizeImage, resizeRegion } from "./resize.ts";

/** A width and a height in pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** How pictures come to another size: `cover` crops at the edges, `contain` adds black ones, `fill` stretches. */
export const FITS = ["cover", "contain", "fill"] as const;

/** One of `FITS`. */
export type Fit = (typeof FITS)[number];

/**
 * `image` in `size`, centred, by Pillow's bicubic filter, which is antialiased where it shrinks: `cover` and `contain` are
 * Pillow's `ImageOps.fit` and `ImageOps.pad`. An image that has the size already is returned as it is.
 */
export function fitImage(image: RgbImage, size: Size, fit: Fit = "cover"): RgbImage {
  return fitted(image, size, fit, "bicubic");
}

/**
 * `mask`, which belongs to a picture of the size `of`, brought to `size` as `fitImage` brings the picture there, by means. It comes out
 * black and white, split at half of white; what `contain` adds is black, which is kept. A mask of another size than the
 * picture's is taken for the same picture, stretched.
 */
export function fitMask(mask: RgbImage, of: Size, size: Size, fit: Fit = "cover"): RgbImage {
  const isPicturesSize = mask.width === of.width && mask.height === of.height;
  if (isPicturesSize && of.width === size.width && of.height === size.height) return mask;
  const aligned = isPicturesSize ? mask : resizeImage(mask, of.width, of.height, "box");
  const { width, height, data } = fitted(aligned, size, fit, "box");
  return { width, height, data: data.map((level) => (level < 128 ? 0 : 255)) };
}

/**
 * The size that a picture made from `image` has: what is asked for, else the image's own, rounded down to multiples of
 * `multiple`. Where one side is asked for, the other keeps the image's proportions. A side that would vanish is refused:
 * little of the image would be left.
 */
export function fittedSize(image: Size, multiple: number, asked: Partial<Size> = {}): Size {
  const rounded = (side: number): number => {
    if (side >= multiple) return Math.floor(side / multiple) * multiple;
    throw new RangeError(
      `Cannot fit a picture of ${image.width}x${image.height} pixels: a side would be ${Number(side.toFixed(1))}, and ` +
        `multiples of ${multiple} are required; give both a width and a height`,
    );
  };
  const { width, height } = asked;
  return {
    width: width ?? rounded(height === undefined ? image.width : (image.width * height) / image.height),
    height: height ?? rounded(width === undefined ? image.height : (image.height * width) / image.width),
  };
}

function fitted(image: RgbImage, size: Size, fit: Fit, filter: "bicubic" | "box"): RgbImage {
  const { width, height } = size;
  if (![width, height].every((side) => Number.isInteger(side) && side > 0)) {
    throw new RangeError(
      `Cannot fit an image to ${width}x${height} pixels: positive whole numbers are required for both`,
    );
  }
  if (image.width === width && image.height === height) return image;
  switch (fit) {
    case "cover":
      return resizeRegion(image, centredRegion(image, width / height), size, filter);
    case "contain": {
      const inner = containedSize(image, size);
      const canvas = plainImage(width, height, 0);
      const [left, top] = [halfOf(width - inner.width), halfOf(height - inner.height)];
      paste(canvas, resizeImage(image, inner.width, inner.height, filter), left, top);
      return canvas;
    }
    case "fill":
      return resizeImage(image, width, height, filter);
  }
}

/** The largest part of `image`, around its centre, whose width is `ratio` times its height. */
function centredRegion(image: Size, ratio: number): Region {
  const isWider = image.width / image.height > ratio;
  const width = isWider ? image.height * ratio : image.width;
  const height = isWider ? image.height : Math.min(image.width / ratio, image.height);
  return { left: (image.width - width) / 2, top: (image.height - height) / 2, width, height };
}

/** The largest size of `image`'s proportions within `size`; no side vanishes. */
function containedSize(image: Size, { width, height }: Size): Size {
  return image.width / image.height > width / height
    ? { width, height: Math.min(height, Math.max(1, roundHalfToEven((image.height / image.width) * width))) }
    : { width: Math.min(width, Math.max(1, roundHalfToEven((image.width / image.height) * height))), height };
}

const halfOf = (space: number): number => roundHalfToEven(space / 2);
