import { ImageError } from "../image-error.ts";
import { fromLatin1, joined, toLatin1 } from "./bytes.ts";

/** The length of a JPEG's segment is told in two bytes. */
const MOST_SEGMENT_BYTES = 0xffff;

/** `jpeg` with the EXIF block `exif` in front of everything else. */
export function embedInJpeg(jpeg: Uint8Array, exif: Uint8Array): Uint8Array<ArrayBuffer> {
  const payload = joined([toLatin1("Exif\0\0"), exif]);
  const length = payload.length + 2;
  if (length > MOST_SEGMENT_BYTES) {
    throw new ImageError(`Cannot write ${exif.length} bytes of metadata into a JPEG: it holds ${MOST_SEGMENT_BYTES}`);
  }
  const start = Uint8Array.of(0xff, 0xe1, length >> 8, length & 0xff);
  return joined([jpeg.subarray(0, 2), start, payload, jpeg.subarray(2)]);
}

const WEBP_HEADER_BYTES = 12;
const HAS_EXIF = 0b1000;

/** `webp`, which has no metadata, of `size`, with the EXIF block `exif` behind its pixels. */
export function embedInWebp(
  webp: Uint8Array,
  exif: Uint8Array,
  { width, height }: { readonly width: number; readonly height: number },
): Uint8Array<ArrayBuffer> {
  const pixels = webp.subarray(WEBP_HEADER_BYTES);
  if (fromLatin1(pixels.subarray(0, 4)) === "VP8X") {
    throw new TypeError("Cannot add metadata to a WebP in the extended format: one of pixels alone is required");
  }
  const features = new Uint8Array(10);
  const view = new DataView(features.buffer);
  view.setUint8(0, HAS_EXIF);
  view.setUint16(4, (width - 1) & 0xffff, true);
  view.setUint8(6, (width - 1) >> 16);
  view.setUint16(7, (height - 1) & 0xffff, true);
  view.setUint8(9, (height - 1) >> 16);
  return riffChunk("RIFF", joined([toLatin1("WEBP"), riffChunk("VP8X", features), pixels, riffChunk("EXIF", exif)]));
}

/** Padded to an even length, which the length told does not count. */
function riffChunk(name: string, data: Uint8Array): Uint8Array<ArrayBuffer> {
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, data.length, true);
  return joined([toLatin1(name), length, data, new Uint8Array(data.length % 2)]);
}
