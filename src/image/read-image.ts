import { LIMITS } from "../errors/limits.ts";
import { toLatin1 } from "./codecs/bytes.ts";
import { orientationOf } from "./codecs/exif.ts";
import { recognizePicture } from "./codecs/picture-format.ts";
import { chunksOf } from "./codecs/png-chunks.ts";
import { decodeWithSharp } from "./codecs/sharp.ts";
import { orient } from "./geometry/orient.ts";
import { ImageError } from "./image-error.ts";
import { decodePng } from "./png.ts";
import { type RgbImage, rgbImage } from "./rgb-image.ts";

/** Pixels as a canvas has them: red, green, blue, alpha. The DOM's `ImageData` is one. */
export interface RgbaImage {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array | Uint8ClampedArray;
}

/**
 * A picture as programs have it: a path or data URL, a `file:` or `data:` URL, the bytes of a PNG, JPEG or WebP, or pixels with
 * or without alpha.
 */
export type ImageInput = string | URL | Uint8Array | ArrayBuffer | Blob | RgbImage | RgbaImage;

/** Of a longer picture, stretching one side takes more memory than the picture. */
const MOST_ALONG_A_SIDE = LIMITS.png.side.most;

/** What reading a picture can be told. */
export interface ReadImageOptions {
  /** What to call the picture where it cannot be read, such as "the mask". */
  readonly what?: string;
  /** Ends the waiting for a pipe that nobody writes to. */
  readonly signal?: AbortSignal;
  /** Of the bytes of a picture, refused before memory is taken for more. */
  readonly mostPixels?: number;
}

/**
 * The picture that `input` holds, upright. What it is says the beginning of its bytes, not its name. JPEG and WebP take the
 * package sharp. Transparency is dropped. Nothing is fetched: the URL of a server is refused.
 */
export async function readImageInput(
  input: ImageInput,
  { what = "the picture", signal, mostPixels }: ReadImageOptions = {},
): Promise<RgbImage> {
  if (typeof input === "string" || input instanceof URL) return await readLocation(input, what, signal);
  if (input instanceof Blob) return await decodePicture(new Uint8Array(await input.arrayBuffer()), what, mostPixels);
  if (input instanceof ArrayBuffer) return await decodePicture(new Uint8Array(input), what, mostPixels);
  if (input instanceof Uint8Array) return await decodePicture(input, what, mostPixels);
  if (isPixels(input)) return withoutAlpha(input);
  throw new TypeError(
    `Cannot read ${what} from ${Object.prototype.toString.call(input)}: a path, a URL, bytes, a Blob or pixels are required`,
  );
}

async function readLocation(location: string | URL, what: string, signal?: AbortSignal): Promise<RgbImage> {
  const text = String(location);
  const [, scheme] = /^(data|file|https?|blob):/i.exec(text) ?? [];
  switch (scheme?.toLowerCase()) {
    case "data":
      return await decodePicture(dataUrlBytes(text, what), what);
    case "http":
    case "https":
    case "blob":
      throw new ImageError(`Cannot read ${what} "${text}": nothing is fetched, give its bytes or a path`);
  }
  if (location instanceof URL && scheme === undefined) {
    throw new ImageError(`Cannot read ${what} "${text}": a file: or data: URL is required`);
  }
  const { readBytes } = await import("./files.ts");
  const named = `${what} "${text}"`;
  return await decodePicture(await readBytes(scheme === undefined ? text : new URL(text), named, signal), named);
}

function dataUrlBytes(url: string, what: string): Uint8Array {
  const comma = url.indexOf(",");
  if (comma < 0 || !/;\s*base64\s*$/i.test(url.slice(0, comma))) {
    throw new ImageError(`Cannot read ${what}: a data URL must hold base64, "data:image/png;base64,…"`);
  }
  try {
    return toLatin1(atob(decodeURIComponent(url.slice(comma + 1))));
  } catch (cause) {
    throw new ImageError(`Cannot read ${what}: what its data URL holds is not base64`, { cause });
  }
}

async function decodePicture(bytes: Uint8Array, what: string, mostPixels?: number): Promise<RgbImage> {
  if (bytes.length === 0) throw new ImageError(`Cannot read ${what}: it is empty`);
  const recognized = recognizePicture(bytes);
  if (recognized?.kind !== "picture") {
    const found = recognized === undefined ? `it begins with ${hexadecimal(bytes)}` : `it is ${recognized.name}`;
    throw new ImageError(`Cannot read ${what}: ${found}, and a PNG, JPEG or WebP is required`);
  }
  const { format } = recognized;
  const image =
    format === "PNG" ? uprightPng(bytes, what, mostPixels) : await decodeWithSharp(bytes, format, what, mostPixels);
  if (Math.max(image.width, image.height) <= MOST_ALONG_A_SIDE) return image;
  throw new ImageError(
    `Cannot read ${what}: it has ${image.width}x${image.height} pixels, allowed are ${MOST_ALONG_A_SIDE} along a side`,
  );
}

function uprightPng(bytes: Uint8Array, what: string, mostPixels?: number): RgbImage {
  const { image } = decodePng(bytes, what, mostPixels);
  const exif = [...chunksOf(bytes)].find(({ type }) => type === "eXIf");
  return exif === undefined ? image : orient(image, orientationOf(exif.data));
}

const hexadecimal = (bytes: Uint8Array): string =>
  Array.from(bytes.subarray(0, 4), (byte) => byte.toString(16).padStart(2, "0")).join(" ");

function isPixels(input: unknown): input is RgbImage | RgbaImage {
  const { width, height, data } = Object(input) as Readonly<Record<string, unknown>>;
  const isBytes = data instanceof Uint8Array || data instanceof Uint8ClampedArray;
  return typeof width === "number" && typeof height === "number" && isBytes;
}

/** Tells pixels with alpha from those without by the number of bytes. */
function withoutAlpha(pixels: RgbImage | RgbaImage): RgbImage {
  const { width, height, data } = pixels;
  if (data.length !== width * height * 4) return rgbImage(width, height, data);
  const rgb = new Uint8Array(width * height * 3);
  for (let i = 0; i < rgb.length; i++) rgb[i] = data[Math.floor(i / 3) * 4 + (i % 3)]!;
  return rgbImage(width, height, rgb);
}
