import { embedInJpeg, embedInWebp } from "./codecs/embed-exif.ts";
import { userComment } from "./codecs/exif.ts";
import { encodeWithSharp } from "./codecs/sharp.ts";
import { PARAMETERS_KEYWORD } from "./parameters.ts";
import { encodePng } from "./png.ts";
import type { PngText } from "./png-text.ts";
import type { RgbImage } from "./rgb-image.ts";

/** The media types that images are written as, with the endings of their files. */
const TYPES = {
  "image/png": [".png"],
  "image/jpeg": [".jpg", ".jpeg"],
  "image/webp": [".webp"],
} as const;

/** A media type that images are written as. */
export type ImageType = keyof typeof TYPES;

/** What a file carries beside its pixels, and how good they are. */
export interface EncodeOptions {
  /** Entries of a PNG; of these JPEG and WebP carry the parameters, as EXIF's user comment. */
  readonly text?: PngText;
  /** From 0 to 1, by default 0.92 for JPEG and 0.8 for WebP, as browsers have it; nothing is lost in PNG. */
  readonly quality?: number | undefined;
}

/** The bytes of a file of `type` that shows `image`; all but PNG take the package sharp. */
export async function encodeImage(
  image: RgbImage,
  type: ImageType,
  { text = {}, quality }: EncodeOptions = {},
): Promise<Uint8Array<ArrayBuffer>> {
  if (quality !== undefined && !(quality >= 0 && quality <= 1)) {
    throw new RangeError(`Cannot write an image with quality ${quality}: a number from 0 to 1 is required`);
  }
  const { [PARAMETERS_KEYWORD]: parameters } = text;
  const exif = parameters === undefined ? undefined : userComment(parameters);
  switch (type) {
    case "image/png":
      return encodePng(image, text);
    case "image/jpeg": {
      const jpeg = await encodeWithSharp(image, "JPEG", quality ?? 0.92);
      return exif === undefined ? jpeg : embedInJpeg(jpeg, exif);
    }
    case "image/webp": {
      const webp = await encodeWithSharp(image, "WebP", quality ?? 0.8);
      return exif === undefined ? webp : embedInWebp(webp, exif, image);
    }
    default:
      throw new RangeError(`Cannot write an image as "${type}": ${Object.keys(TYPES).join(", ")} are possible`);
  }
}

/** The type of the file at `path`, by its ending. */
export function imageTypeOf(path: string): ImageType {
  const types = Object.entries(TYPES) as [ImageType, readonly string[]][];
  const found = types.find(([, endings]) => endings.some((ending) => path.toLowerCase().endsWith(ending)));
  if (found !== undefined) return found[0];
  const endings = Object.values(TYPES).flat();
  throw new RangeError(`Cannot save an image as "${path}": its name must end in ${endings.join(", ")}`);
}
