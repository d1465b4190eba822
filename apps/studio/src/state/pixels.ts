import type { RgbImage } from "deepcache/image/rgb-image.ts";
import { psnr } from "deepcache/metrics/psnr.ts";
import { ssim } from "deepcache/metrics/ssim.ts";

/** The pixels of a picture's file, as the browser decodes it. */
export async function pixelsOf(png: Uint8Array<ArrayBuffer> | Blob): Promise<RgbImage> {
  const blob = png instanceof Blob ? png : new Blob([png], { type: "image/png" });
  const bitmap = await createImageBitmap(blob, { colorSpaceConversion: "none", premultiplyAlpha: "none" });
  try {
    const { width, height } = bitmap;
    const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    if (context === null) throw new Error("Cannot read pixels: this browser gives no canvas");
    context.drawImage(bitmap, 0, 0);
    const { data: rgba } = context.getImageData(0, 0, width, height);
    const data = new Uint8ClampedArray(width * height * 3);
    for (let i = 0; i < width * height; i++) data.set(rgba.subarray(4 * i, 4 * i + 3), 3 * i);
    return { width, height, data } as RgbImage;
  } finally {
    bitmap.close();
  }
}

/** How close two pictures are. */
export interface Closeness {
  /** In decibels; infinite where they are equal. */
  readonly psnr: number;
  readonly ssim: number;
}

/** Compares the files of two pictures of one size. */
export async function closeness(
  a: Uint8Array<ArrayBuffer> | Blob,
  b: Uint8Array<ArrayBuffer> | Blob,
): Promise<Closeness> {
  const [first, second] = await Promise.all([pixelsOf(a), pixelsOf(b)]);
  return { psnr: psnr(first, second), ssim: ssim(first, second) };
}

/** What differs between two pictures, `amplify` times as bright. */
export async function differenceOf(a: Blob, b: Blob, amplify: number): Promise<ImageData> {
  const [first, second] = await Promise.all([pixelsOf(a), pixelsOf(b)]);
  const shown = new ImageData(first.width, first.height);
  for (let i = 0; i < first.width * first.height; i++) {
    for (let c = 0; c < 3; c++) {
      const difference = Math.abs((first.data[3 * i + c] ?? 0) - (second.data[3 * i + c] ?? 0));
      shown.data[4 * i + c] = Math.min(255, amplify * difference);
    }
    shown.data[4 * i + 3] = 255;
  }
  return shown;
}
