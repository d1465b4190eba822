import { convertIndexedToRgb, type DecodedPng, decode, encode, hasPngSignature } from "fast-png";
import { checkPixelData, withoutProfile } from "./codecs/png-pixels.ts";
import { ImageError, MOST_PIXELS } from "./image-error.ts";
import { addPngText, type PngText, readPngText } from "./png-text.ts";
import { type RgbImage, rgbImage } from "./rgb-image.ts";

/** A PNG that cannot be read. */
export class PngError extends ImageError {
  override readonly name = "PngError";
}

/** The bytes of a PNG file that shows `image` and carries `text`. */
export function encodePng({ width, height, data }: RgbImage, text: PngText = {}): Uint8Array<ArrayBuffer> {
  return addPngText(encode({ width, height, data, channels: 3, depth: 8 }, { zlib: { level: 6 } }), text);
}

/**
 * The picture and the text of a PNG file of any colour type; transparency is dropped, 16 bits become 8, and an orientation is
 * not looked at.
 */
export function decodePng(
  bytes: Uint8Array,
  what = "PNG",
  mostPixels = MOST_PIXELS,
): { image: RgbImage; text: PngText } {
  if (!hasPngSignature(bytes))
    throw new PngError(`Cannot read ${what}: the file does not start with the PNG signature`);
  const { width, height } = sizeOf(bytes, what);
  if (width * height > mostPixels) {
    throw new PngError(`Cannot read ${what}: it claims ${width}x${height} pixels, allowed are ${mostPixels} in all`);
  }
  try {
    checkPixelData(bytes);
    return { image: toRgb(decode(withoutProfile(bytes), { checkCrc: true })), text: readPngText(bytes) };
  } catch (cause) {
    throw new PngError(`Cannot read ${what} of ${bytes.length} bytes: it is damaged or cut off`, { cause });
  }
}

function sizeOf(bytes: Uint8Array, what: string): { width: number; height: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 33) throw new PngError(`Cannot read ${what}: it ends after ${bytes.length} bytes`);
  return { width: view.getUint32(16), height: view.getUint32(20) };
}

function toRgb(png: DecodedPng): RgbImage {
  const { width, height } = png;
  const palette = png.palette ?? (png.depth < 8 ? greyPalette(png.depth) : undefined);
  const channels = palette === undefined ? png.channels : palette[0]!.length;
  const data = palette === undefined ? png.data : convertIndexedToRgb({ ...png, palette });
  const shift = png.depth === 16 ? 8 : 0;
  const grey = channels < 3;
  const rgb = new Uint8Array(width * height * 3);
  for (let i = 0; i < rgb.length; i++) {
    const pixel = Math.floor(i / 3) * channels;
    rgb[i] = data[pixel + (grey ? 0 : i % 3)]! >> shift;
  }
  return rgbImage(width, height, rgb);
}

/** Greys of less than 8 bits come packed, as palette indices do. */
function greyPalette(depth: number): number[][] {
  const largest = 2 ** depth - 1;
  return Array.from({ length: largest + 1 }, (_, index) => {
    const grey = (index * 255) / largest;
    return [grey, grey, grey];
  });
}
