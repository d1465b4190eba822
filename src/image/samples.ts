import { elementCount, type Tensor } from "../tensor/tensor.ts";
import { type RgbImage, rgbImage } from "./rgb-image.ts";
import { roundHalfToEven } from "./round-half-to-even.ts";

/**
 * The images of samples in [-1, 1], shaped [batch, 3 or 1, height, width]. Rounds as diffusers does: in float32, halves to
 * the even level; what lies outside is clamped.
 */
export function samplesToImages({ data, shape }: Tensor): RgbImage[] {
  const [batch, channels, height, width] = shape;
  if (shape.length !== 4 || (channels !== 3 && channels !== 1) || !batch || !height || !width) {
    throw new RangeError(
      `Cannot make images of samples shaped [${shape.join(", ")}]: expected [batch, 3, height, width]`,
    );
  }
  const plane = height * width;
  return Array.from({ length: batch }, (_, image) => {
    const bytes = new Uint8Array(plane * 3);
    for (let channel = 0; channel < 3; channel++) {
      const start = (image * channels + (channels === 3 ? channel : 0)) * plane;
      for (let i = 0; i < plane; i++) bytes[i * 3 + channel] = level(data[start + i]!);
    }
    return rgbImage(width, height, bytes);
  });
}

/** Samples in [-1, 1] shaped [batch, 3, height, width], from images of one size. */
export function imagesToSamples(images: readonly RgbImage[]): Tensor {
  const [first] = images;
  if (first === undefined) throw new RangeError("Cannot make samples of no images");
  const { width, height } = first;
  const plane = height * width;
  const shape = [images.length, 3, height, width];
  const data = new Float32Array(elementCount(shape));
  for (const [index, image] of images.entries()) {
    if (image.width !== width || image.height !== height) {
      throw new RangeError(
        `Cannot batch images of ${width}x${height} and ${image.width}x${image.height} pixels: sizes must agree`,
      );
    }
    for (let channel = 0; channel < 3; channel++) {
      const start = (index * 3 + channel) * plane;
      for (let i = 0; i < plane; i++) data[start + i] = 2 * Math.fround(image.data[i * 3 + channel]! / 255) - 1;
    }
  }
  return { data, shape };
}

function level(sample: number): number {
  if (Number.isNaN(sample))
    throw new Error(
      "Cannot make an image of samples that contain NaN: weights or settings are beyond what numbers hold",
    );
  const unit = Math.min(Math.max(Math.fround(sample / 2 + 0.5), 0), 1);
  return roundHalfToEven(Math.fround(unit * 255));
}
