import type { PictureFormat } from "../codecs/picture-format.ts";
import { ImageError, MOST_PIXELS } from "../image-error.ts";
import { type RgbImage, rgbImage } from "../rgb-image.ts";

// In a browser, this stands in for sharp.ts (package.json, "browser"): the browser itself reads and writes JPEG and WebP.

/** Formats that the browser reads and writes for us. */
export type SharpFormat = Exclude<PictureFormat, "PNG">;

interface Bitmap {
  readonly width: number;
  readonly height: number;
  close(): void;
}

interface Canvas {
  getContext(kind: "2d"): {
    drawImage(image: Bitmap, x: number, y: number): void;
    getImageData(x: number, y: number, width: number, height: number): { readonly data: Uint8ClampedArray };
    putImageData(image: unknown, x: number, y: number): void;
  } | null;
  convertToBlob(options: { readonly type: string; readonly quality: number }): Promise<Blob>;
}

interface Page {
  createImageBitmap(source: Blob, options: { readonly imageOrientation: "from-image" }): Promise<Bitmap>;
  readonly OffscreenCanvas: new (width: number, height: number) => Canvas;
  readonly ImageData: new (data: Uint8ClampedArray, width: number, height: number) => unknown;
}

const page = globalThis as unknown as Page;

/** The picture of a JPEG or WebP, upright and in sRGB; transparency is dropped. */
export async function decodeWithSharp(
  bytes: Uint8Array,
  format: SharpFormat,
  what: string,
  mostPixels = MOST_PIXELS,
): Promise<RgbImage> {
  const blob = new Blob([bytes as Uint8Array<ArrayBuffer>], { type: `image/${format.toLowerCase()}` });
  const bitmap = await page.createImageBitmap(blob, { imageOrientation: "from-image" }).catch((cause: unknown) => {
    throw new ImageError(`Cannot read ${what} of ${bytes.length} bytes: it is damaged or cut off`, { cause });
  });
  const { width, height } = bitmap;
  try {
    if (width * height > mostPixels) {
      throw new ImageError(`Cannot read ${what}: it has ${width}x${height} pixels, allowed are ${mostPixels} in all`);
    }
    const context = contextOf(new page.OffscreenCanvas(width, height), `read ${what}`);
    context.drawImage(bitmap, 0, 0);
    const { data } = context.getImageData(0, 0, width, height);
    return rgbImage(
      width,
      height,
      Uint8Array.from({ length: width * height * 3 }, (_, i) => data[Math.floor(i / 3) * 4 + (i % 3)]!),
    );
  } finally {
    bitmap.close();
  }
}

/** The bytes of `image` as JPEG or WebP; `quality` goes from 0 to 1. */
export async function encodeWithSharp(
  { width, height, data }: RgbImage,
  format: SharpFormat,
  quality: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const canvas = new page.OffscreenCanvas(width, height);
  const pixels = new Uint8ClampedArray(width * height * 4).fill(255);
  for (let i = 0; i < data.length; i++) pixels[Math.floor(i / 3) * 4 + (i % 3)] = data[i]!;
  contextOf(canvas, "write an image").putImageData(new page.ImageData(pixels, width, height), 0, 0);
  const type = `image/${format.toLowerCase()}`;
  const blob = await canvas.convertToBlob({ type, quality });
  if (blob.type !== type) throw new ImageError(`Cannot write an image: this browser does not write ${format}`);
  return new Uint8Array(await blob.arrayBuffer());
}

function contextOf(canvas: Canvas, action: string) {
  const context = canvas.getContext("2d");
  if (context === null) throw new ImageError(`Cannot ${action}: the browser gives no canvas for it`);
  return context;
}
