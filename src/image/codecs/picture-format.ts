import { fromLatin1 } from "./bytes.ts";

/** A format that pictures are read from and written to. */
export type PictureFormat = "PNG" | "JPEG" | "WebP";

/** What bytes are by how they begin: a format that is read, or the name of another with its article. */
export type Recognized =
  | { readonly kind: "picture"; readonly format: PictureFormat }
  | { readonly kind: "other"; readonly name: string };

/** What stands at an offset, byte for byte as Latin-1. */
type Mark = readonly [offset: number, text: string];

const PICTURES: readonly (readonly [PictureFormat, ...Mark[]])[] = [
  ["PNG", [0, "\x89PNG\r\n\x1a\n"]],
  ["JPEG", [0, "\xff\xd8\xff"]],
  ["WebP", [0, "RIFF"], [8, "WEBP"]],
];

const OTHERS: readonly (readonly [string, ...Mark[]])[] = [
  ["a GIF", [0, "GIF8"]],
  ["an AVIF", [4, "ftypavif"]],
  ["an AVIF", [4, "ftypavis"]],
  ["a HEIC", [4, "ftyphei"]],
  ["a HEIC", [4, "ftyphev"]],
  ["a HEIC", [4, "ftypmif1"]],
  ["a HEIC", [4, "ftypmsf1"]],
  ["a TIFF", [0, "II*\0"]],
  ["a TIFF", [0, "MM\0*"]],
  ["a TIFF", [0, "II+\0"]],
  ["a TIFF", [0, "MM\0+"]],
  ["a BMP", [0, "BM"]],
  ["a JPEG XL", [0, "\xff\x0a"]],
  ["a JPEG XL", [0, "\0\0\0\x0cJXL "]],
  ["a JPEG 2000", [0, "\0\0\0\x0cjP  "]],
  ["an icon", [0, "\0\0\x01\0"]],
  ["a Photoshop file", [0, "8BPS"]],
  ["a PDF", [0, "%PDF"]],
];

/** Formats that are text, by the element that comes first. */
const MARKUP: readonly (readonly [string, RegExp])[] = [
  ["an SVG", /<svg[\s>]/i],
  ["an HTML page", /^<!doctype html|<html[\s>]/i],
];

/** How many bytes at most tell what a file is. */
const TELLING_BYTES = 1024;

/** Tells what `bytes` are, undefined where that is not known. Names of files are not asked: they are often wrong. */
export function recognizePicture(bytes: Uint8Array): Recognized | undefined {
  const start = fromLatin1(bytes.subarray(0, TELLING_BYTES));
  const isMarked = ([, ...marks]: readonly [string, ...Mark[]]): boolean =>
    marks.every(([offset, text]) => start.startsWith(text, offset));
  const picture = PICTURES.find(isMarked);
  if (picture !== undefined) return { kind: "picture", format: picture[0] };
  const markup = MARKUP.find(([, element]) => element.test(start.trimStart()));
  const [name] = OTHERS.find(isMarked) ?? markup ?? [];
  return name === undefined ? undefined : { kind: "other", name };
}
