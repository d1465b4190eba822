import { ImageError, MOST_PIXELS } from "../image-error.ts";
import { type RgbImage, rgbImage } from "../rgb-image.ts";
import type { PictureFormat } from "./picture-format.ts";

/** Formats that need sharp. */
export type SharpFormat = Exclude<PictureFormat, "PNG">;

/**
 * The picture of a JPEG or WebP, upright and in sRGB: orientation and colour profile are applied, transparency is dropped, and of
 * an animation the first frame is taken. Printing colours without a profile become what Pillow makes of them. `what` names it
 * where it cannot be read.
 */
export async function decodeWithSharp(
  bytes: Uint8Array,
  format: SharpFormat,
  what: string,
  mostPixels = MOST_PIXELS,
): Promise<RgbImage> {
  const sharp = await loadSharp(`Cannot read ${what}`, format);
  let found: { readonly width: number; readonly height: number; readonly space: string; readonly hasProfile: boolean };
  try {
    found = await sharp(bytes, { limitInputPixels: false }).metadata();
  } catch (cause) {
    throw broken(what, bytes, cause);
  }
  const { width, height, space, hasProfile } = found;
  if (width * height > mostPixels) {
    throw new ImageError(`Cannot read ${what}: it claims ${width}x${height} pixels, allowed are ${mostPixels} in all`);
  }
  try {
    const upright = sharp(bytes, { limitInputPixels: MOST_PIXELS }).autoOrient();
    const isPrint = space === "cmyk" && !hasProfile;
    const colours = isPrint ? upright.pipelineColourspace("cmyk").toColourspace("cmyk") : upright.toColourspace("srgb");
    const { data, info } = await colours.removeAlpha().raw().toBuffer({ resolveWithObject: true });
    const pixels = plainBytes(data);
    return rgbImage(info.width, info.height, isPrint ? fromPrint(pixels) : pixels);
  } catch (cause) {
    throw broken(what, bytes, cause);
  }
}

/** Red, green and blue of cyan, magenta, yellow and black, each ink taking its share of light, rounded as Pillow does. */
function fromPrint(inks: Uint8Array): Uint8Array {
  const rgb = new Uint8Array((inks.length / 4) * 3);
  for (let i = 0; i < rgb.length; i++) {
    const pixel = 4 * Math.floor(i / 3);
    const light = (255 - inks[pixel + (i % 3)]!) * (255 - inks[pixel + 3]!) + 128;
    rgb[i] = (light + (light >> 8)) >> 8;
  }
  return rgb;
}

/** The bytes of `image` as JPEG or WebP; `quality` goes from 0 to 1. Colours keep their resolution. */
export async function encodeWithSharp(
  { width, height, data }: RgbImage,
  format: SharpFormat,
  quality: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const sharp = await loadSharp("Cannot write an image", format);
  const pixels = sharp(data, { raw: { width, height, channels: 3 } });
  const percent = Math.max(1, Math.round(quality * 100));
  const encoded =
    format === "JPEG"
      ? pixels.jpeg({ quality: percent, chromaSubsampling: "4:4:4" })
      : pixels.webp({ quality: percent });
  return plainBytes(await encoded.toBuffer());
}

/** Loaded when it is needed: PNG does without. */
async function loadSharp(failure: string, format: SharpFormat) {
  try {
    return (await import("sharp")).default;
  } catch (cause) {
    const message = `${failure}: ${format} takes the optional package "sharp", which "npm i sharp" installs`;
    const missing = cause instanceof Error && "code" in cause && cause.code === "ERR_MODULE_NOT_FOUND";
    throw missing ? new ImageError(message) : new ImageError(message, { cause });
  }
}

/** Node's own class of bytes cuts and compares otherwise. */
const plainBytes = ({ buffer, byteOffset, byteLength }: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> =>
  new Uint8Array(buffer, byteOffset, byteLength);

const broken = (what: string, { length }: Uint8Array, cause: unknown): ImageError =>
  new ImageError(`Cannot read ${what} of ${length} bytes: it is damaged or cut off`, { cause });
