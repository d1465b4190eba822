import { fromLatin1, joined, toLatin1 } from "./codecs/bytes.ts";
import { chunksOf } from "./codecs/png-chunks.ts";

/** The text entries of a PNG: Latin-1 in `tEXt` chunks, everything else as UTF-8 in `iTXt` chunks. */
export type PngText = Readonly<Record<string, string>>;

/** Signature and IHDR: text goes right behind, because some readers stop at the pixels. */
const HEADER_BYTES = 8 + 12 + 13;

/** `png` with the entries of `text` added. */
export function addPngText(png: Uint8Array, text: PngText): Uint8Array<ArrayBuffer> {
  const chunks = Object.entries(text).map(([keyword, value]) => textChunk(keyword, value));
  return joined([png.subarray(0, HEADER_BYTES), ...chunks, png.subarray(HEADER_BYTES)]);
}

/** The text entries of `png`; compressed ones, which are rare, are left out. */
export function readPngText(png: Uint8Array): PngText {
  const found = Array.from(chunksOf(png), ({ type, data }) => {
    const read = type === "tEXt" ? readLatin1 : type === "iTXt" ? readInternational : undefined;
    return read?.(data);
  });
  return Object.fromEntries(found.flatMap((entry) => (entry === undefined ? [] : [[entry.keyword, entry.value]])));
}

// No control characters: the standard forbids them in tEXt, and many decoders take 0x80 to 0x9f for Windows-1252.
const LATIN1 = /^[\n\x20-\x7e\xa0-\xff]*$/;
const KEYWORD = /^[\x21-\x7e\xa1-\xff](?:[\x20-\x7e\xa1-\xff]{0,77}[\x21-\x7e\xa1-\xff])?$/;

function textChunk(keyword: string, value: string): Uint8Array {
  if (!KEYWORD.test(keyword)) {
    throw new RangeError(`Cannot store text as "${keyword}": a PNG keyword is 1 to 79 Latin-1 characters`);
  }
  return LATIN1.test(value)
    ? chunk("tEXt", joined([toLatin1(`${keyword}\0`), toLatin1(value)]))
    : chunk("iTXt", joined([toLatin1(`${keyword}\0\0\0\0\0`), new TextEncoder().encode(value)]));
}

interface Found {
  readonly keyword: string;
  readonly value: string;
}

function readLatin1(data: Uint8Array): Found | undefined {
  const end = data.indexOf(0);
  return end < 0
    ? undefined
    : { keyword: fromLatin1(data.subarray(0, end)), value: fromLatin1(data.subarray(end + 1)) };
}

/** Keyword, 0, compression flag, compression method, language, 0, translated keyword, 0, text. */
function readInternational(data: Uint8Array): Found | undefined {
  const end = data.indexOf(0);
  const language = data.indexOf(0, end + 3);
  const translated = data.indexOf(0, language + 1);
  const compressed = data[end + 1] !== 0;
  if (end < 0 || language < 0 || translated < 0 || compressed) return undefined;
  return {
    keyword: fromLatin1(data.subarray(0, end)),
    value: new TextDecoder().decode(data.subarray(translated + 1)),
  };
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = joined([new Uint8Array(4), toLatin1(type), data, new Uint8Array(4)]);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, data.length);
  view.setUint32(bytes.length - 4, crc32(bytes.subarray(4, -4)));
  return bytes;
}

function crc32(bytes: Uint8Array): number {
  let remainder = ~0;
  for (const byte of bytes) {
    remainder ^= byte;
    for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ (remainder & 1 ? 0xedb88320 : 0);
  }
  return ~remainder >>> 0;
}
