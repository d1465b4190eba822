import { fromLatin1 } from "./bytes.ts";

/** A part of a PNG: what it is, what it holds, and where it stands with its length and checksum. */
export interface PngChunk {
  readonly type: string;
  readonly data: Uint8Array;
  readonly begin: number;
  readonly end: number;
}

const SIGNATURE_BYTES = 8;
/** Length, type and checksum. */
const FRAME_BYTES = 12;

/** The chunks of `png` in order, up to one that is cut off. */
export function* chunksOf(png: Uint8Array): Generator<PngChunk> {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  let begin = SIGNATURE_BYTES;
  while (begin + FRAME_BYTES <= png.length) {
    const end = begin + FRAME_BYTES + view.getUint32(begin);
    if (end > png.length) return;
    yield { type: fromLatin1(png.subarray(begin + 4, begin + 8)), data: png.subarray(begin + 8, end - 4), begin, end };
    begin = end;
  }
}
