import { fromLatin1 } from "./codecs/bytes.ts";
import { encodeImage, type ImageType, imageTypeOf } from "./encode-image.ts";
import { imageDataOf, type PlatformImageData } from "./image-data.ts";
import { PARAMETERS_KEYWORD } from "./parameters.ts";
import { encodePng } from "./png.ts";
import type { PngText } from "./png-text.ts";
import type { RgbImage } from "./rgb-image.ts";

/** How an image is written. */
export interface WriteOptions {
  /** Whether the file says how the image was made; it does by default. */
  readonly metadata?: boolean;
}

/** How an image is saved. */
export interface SaveOptions extends WriteOptions {
  /** From 0 to 1, for JPEG and WebP. */
  readonly quality?: number;
}

/** An image that a run has made, and what it was made of. JPEG and WebP take the package sharp. */
export interface GeneratedImage extends RgbImage {
  readonly seed: number;
  /** Empty where the model takes none. */
  readonly prompt: string;
  /** How it was made, in AUTOMATIC1111's form; `parseParameters` reads it. */
  readonly parameters: string;
  /** The bytes of a PNG file. */
  png(options?: WriteOptions): Uint8Array<ArrayBuffer>;
  /** A file with its metadata, PNG by default; `quality` goes from 0 to 1 and is for JPEG and WebP. */
  blob(type?: ImageType, quality?: number): Promise<Blob>;
  /** A PNG with its metadata as text, for `<img src>`. */
  dataURL(): string;
  /** The pixels for a canvas. */
  imageData(): PlatformImageData;
  /** Writes a .png, .jpg, .jpeg or .webp file, whole or not at all; makes its folder, and returns `path`. */
  save(path: string, options?: SaveOptions): Promise<string>;
}

/** What a generated image is put together from. */
export interface GeneratedImageParts {
  readonly image: RgbImage;
  readonly seed: number;
  readonly prompt: string;
  /** The entries that its files carry, `parameters` among them. */
  readonly text: PngText;
}

/** `image` with the ways out of the library. */
export function generatedImage({ image, seed, prompt, text }: GeneratedImageParts): GeneratedImage {
  const { width, height, data } = image;
  const carried = ({ metadata = true }: WriteOptions = {}): PngText => (metadata ? text : {});
  const png: GeneratedImage["png"] = (options) => encodePng(image, carried(options));
  return {
    width,
    height,
    data,
    seed,
    prompt,
    parameters: text[PARAMETERS_KEYWORD] ?? "",
    png,
    blob: async (type = "image/png", quality) =>
      new Blob([await encodeImage(image, type, { text, quality })], { type }),
    dataURL: () => `data:image/png;base64,${btoa(fromLatin1(png()))}`,
    imageData: () => imageDataOf(image),
    async save(path, options) {
      const type = imageTypeOf(path);
      const bytes = await encodeImage(image, type, { text: carried(options), quality: options?.quality });
      const { writeInFolder } = await import("./files.ts"); // browsers have no files
      await writeInFolder(path, bytes);
      return path;
    },
  };
}
