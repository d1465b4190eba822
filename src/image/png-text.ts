/** The text entries of a PNG: Latin-1 in `tEXt` chunks, everything else as UTF-8 in `iTXt` chunks. */
export type PngText = Readonly<Record<string, string>>;

const SIGNATURE_BYTES = 8;
/** Signature and IHDR: text goes right behind, because some readers stop at the pixels. */
const HEADER_BYTES = SIGNATURE_BYTES + 12 + 13;

/** `png` with the entries of `text` added. */
export function addPngText(png: Uint8Array, text: PngText): Uint8Array {
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

function* chunksOf(png: Uint8Array): Generator<{ type: string; data: Uint8Array }> {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  let offset = SIGNATURE_BYTES;
  while (offset + 12 <= png.length) {
    const length = view.getUint32(offset);
    const end = offset + 8 + length;
    if (end + 4 > png.length) return;
    yield { type: fromLatin1(png.subarray(offset + 4, offset + 8)), data: png.subarray(offset + 8, end) };
    offset = end + 4;
  }
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

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

const toLatin1 = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));

function fromLatin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

function crc32(bytes: Uint8Array): number {
  let remainder = ~0;
  for (const byte of bytes) {
    remainder ^= byte;
    for (let bit = 0; bit < 8; bit++) remainder = (remainder >>> 1) ^ (remainder & 1 ? 0xedb88320 : 0);
  }
  return ~remainder >>> 0;
}
