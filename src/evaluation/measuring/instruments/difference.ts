import type { RgbImage } from "../../../image/rgb-image.ts";
import { psnr } from "../../../metrics/psnr.ts";
import { ssim } from "../../../metrics/ssim.ts";
import type { ImageInstrument, ImageValues } from "../instruments.ts";

/** How far images are from the baseline's, by PSNR and SSIM. */
export const differenceInstrument: ImageInstrument = {
  measures: ["psnr", "ssim"],
  measure({ images, baseline }): ImageValues {
    if (baseline === undefined) return {};
    const pairs = images.map((image, i) => [image, baseline[i] ?? image] as const);
    return {
      psnr: pairs.map(([image, original]) => finitePsnr(image, original)),
      ssim: pairs.map(([image, original]) => ssim(image, original)),
    };
  },
};

/** PSNR where equal images count as if a single byte differed by one, so that means and intervals stay finite. */
export function finitePsnr(image: RgbImage, original: RgbImage): number {
  return Math.min(psnr(image, original), 10 * Math.log10(255 ** 2 * image.data.length));
}
