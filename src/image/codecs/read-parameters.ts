import { PARAMETERS_KEYWORD } from "../parameters.ts";
import { readPngText } from "../png-text.ts";
import { fromLatin1 } from "./bytes.ts";
import { userCommentOf } from "./exif.ts";
import { recognizePicture } from "./picture-format.ts";

/** The text of a PNG, JPEG or WebP file that says how its picture was made, where it carries one. */
export function readParametersText(bytes: Uint8Array): string | undefined {
  const recognized = recognizePicture(bytes);
  if (recognized?.kind !== "picture") return undefined;
  switch (recognized.format) {
    case "PNG":
      return readPngText(bytes)[PARAMETERS_KEYWORD];
    case "JPEG":
      return commentIn(jpegExif(bytes));
    case "WebP":
      return commentIn(webpExif(bytes));
  }
}

const commentIn = (exif: Uint8Array | undefined): string | undefined => exif && userCommentOf(exif);

const EXIF_HEAD = "Exif\0\0";
const APP1 = 0xe1;
/** Pixels follow, and no more metadata. */
const START_OF_SCAN = 0xda;

function jpegExif(jpeg: Uint8Array): Uint8Array | undefined {
  const view = new DataView(jpeg.buffer, jpeg.byteOffset, jpeg.byteLength);
  for (let begin = 2; begin + 4 <= jpeg.length && jpeg[begin] === 0xff; ) {
    const marker = jpeg[begin + 1];
    const end = begin + 2 + view.getUint16(begin + 2);
    const content = jpeg.subarray(begin + 4, end);
    if (marker === APP1 && fromLatin1(content.subarray(0, EXIF_HEAD.length)) === EXIF_HEAD) {
      return content.subarray(EXIF_HEAD.length);
    }
    if (marker === START_OF_SCAN) return undefined;
    begin = end;
  }
  return undefined;
}

const RIFF_HEADER_BYTES = 12;

function webpExif(webp: Uint8Array): Uint8Array | undefined {
  const view = new DataView(webp.buffer, webp.byteOffset, webp.byteLength);
  for (let begin = RIFF_HEADER_BYTES; begin + 8 <= webp.length; ) {
    const length = view.getUint32(begin + 4, true);
    const content = webp.subarray(begin + 8, begin + 8 + length);
    if (fromLatin1(webp.subarray(begin, begin + 4)) === "EXIF") return content;
    begin += 8 + length + (length % 2); // padded to an even length
  }
  return undefined;
}
