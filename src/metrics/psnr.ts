import type { RgbImage } from "../image/rgb-image.ts";

/** Mean of the squared differences of all bytes of two images of one size. */
export function meanSquaredError(image: RgbImage, other: RgbImage): number {
  checkSameSize(image, other);
  let sum = 0;
  for (let i = 0; i < image.data.length; i++) sum += (image.data[i]! - other.data[i]!) ** 2;
  return sum / image.data.length;
}

/** Peak signal-to-noise ratio in dB for a peak of 255; infinite for equal images. */
export function psnr(image: RgbImage, other: RgbImage): number {
  return 10 * Math.log10(255 ** 2 / meanSquaredError(image, other));
}

export function checkSameSize(image: RgbImage, other: RgbImage): void {
  if (image.width !== other.width || image.height !== other.height) {
    throw new RangeError(
      `Cannot compare an image of ${image.width}x${image.height} pixels with one of ${other.width}x${other.height}`,
    );
  }
}
