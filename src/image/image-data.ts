import type { RgbImage } from "./rgb-image.ts";

/** Pixels with alpha in the form of the DOM's `ImageData`. */
export interface PixelData {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray<ArrayBuffer>;
  readonly colorSpace: "srgb";
}

/** The platform's `ImageData`, or its form where there is none. */
export type PlatformImageData = typeof globalThis extends { ImageData: { prototype: infer Platform } }
  ? Platform
  : PixelData;

/** `image` as the platform's `ImageData`, opaque; where there is none, an object of the same form. */
export function imageDataOf({ width, height, data }: RgbImage): PlatformImageData {
  const rgba = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let i = 0; i < data.length; i++) rgba[Math.floor(i / 3) * 4 + (i % 3)] = data[i]!;
  const { ImageData } = globalThis as { readonly ImageData?: PixelDataConstructor };
  return (
    ImageData === undefined ? { width, height, data: rgba, colorSpace: "srgb" } : new ImageData(rgba, width, height)
  ) as PlatformImageData;
}

type PixelDataConstructor = new (data: Uint8ClampedArray, width: number, height: number) => PixelData;
