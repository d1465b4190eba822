/** How the rows and columns of a picture lie in what is seen, as EXIF numbers it: 1 is upright. */
export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

const ORIENTATION = 0x0112;
const EXIF_IFD = 0x8769;
const USER_COMMENT = 0x9286;
const SHORT = 3;
const LONG = 4;
const UNDEFINED = 7;

/** The first directory of an EXIF block: entries of twelve bytes behind a count. */
const FIRST_IFD = 8;
const ENTRY_BYTES = 12;
const DIRECTORY_BYTES = 2 + ENTRY_BYTES + 4;
/** Says that a comment is UTF-16 in the block's byte order. */
const UNICODE = "UNICODE\0";
const UNICODE_BYTES = [...UNICODE].map((letter) => letter.charCodeAt(0));

/** The orientation that the EXIF block `exif` tells; upright where it tells none, or none that there is. */
export function orientationOf(exif: Uint8Array): Orientation {
  const { view, isLittleEndian, first } = openBlock(exif);
  const entry = entryOf(exif, first, ORIENTATION);
  if (entry === undefined || view.getUint16(entry + 2, isLittleEndian) !== SHORT) return 1;
  const value = view.getUint16(entry + 8, isLittleEndian);
  return value >= 1 && value <= 8 ? (value as Orientation) : 1;
}

/** The user comment of the EXIF block `exif`, where it has one in UTF-16. */
export function userCommentOf(exif: Uint8Array): string | undefined {
  const { view, isLittleEndian, first } = openBlock(exif);
  const pointer = entryOf(exif, first, EXIF_IFD);
  if (pointer === undefined) return undefined;
  const entry = entryOf(exif, view.getUint32(pointer + 8, isLittleEndian), USER_COMMENT);
  if (entry === undefined) return undefined;
  const [length, begin] = [4, 8].map((offset) => view.getUint32(entry + offset, isLittleEndian)) as [number, number];
  const comment = exif.subarray(begin, begin + length);
  if (comment.length < length || !UNICODE_BYTES.every((byte, i) => comment[i] === byte)) return undefined;
  const encoding = isLittleEndian ? "utf-16le" : "utf-16be";
  return new TextDecoder(encoding).decode(comment.subarray(UNICODE_BYTES.length));
}

interface Block {
  readonly view: DataView;
  readonly isLittleEndian: boolean;
  /** Where the first directory begins. */
  readonly first: number;
}

function openBlock(exif: Uint8Array): Block {
  const view = new DataView(exif.buffer, exif.byteOffset, exif.byteLength);
  if (exif.length < FIRST_IFD) return { view, isLittleEndian: false, first: exif.length };
  const isLittleEndian = view.getUint16(0) === 0x4949;
  return { view, isLittleEndian, first: view.getUint32(4, isLittleEndian) };
}

/** Where the entry with a tag begins in the directory at an offset; none where the block is cut off before. */
function entryOf(exif: Uint8Array, directory: number, tag: number): number | undefined {
  const { view, isLittleEndian } = openBlock(exif);
  if (directory + 2 > exif.length) return undefined;
  const count = view.getUint16(directory, isLittleEndian);
  for (let i = 0; i < count; i++) {
    const entry = directory + 2 + i * ENTRY_BYTES;
    if (entry + ENTRY_BYTES > exif.length) return undefined;
    if (view.getUint16(entry, isLittleEndian) === tag) return entry;
  }
  return undefined;
}

/** An EXIF block that holds `text` as its user comment, where Stable Diffusion programs look for parameters. */
export function userComment(text: string): Uint8Array {
  const comment = FIRST_IFD + 2 * DIRECTORY_BYTES;
  const length = UNICODE.length + 2 * text.length;
  const block = new Uint8Array(comment + length);
  const view = new DataView(block.buffer);
  view.setUint32(0, 0x4d4d002a); // big endian
  view.setUint32(4, FIRST_IFD);
  const exif = FIRST_IFD + DIRECTORY_BYTES;
  writeDirectory(view, FIRST_IFD, { tag: EXIF_IFD, type: LONG, count: 1, value: exif });
  writeDirectory(view, exif, { tag: USER_COMMENT, type: UNDEFINED, count: length, value: comment });
  for (let i = 0; i < UNICODE.length; i++) block[comment + i] = UNICODE.charCodeAt(i);
  for (let i = 0; i < text.length; i++) view.setUint16(comment + UNICODE.length + 2 * i, text.charCodeAt(i));
  return block;
}

/** A directory of one entry, and none behind it. */
function writeDirectory(
  view: DataView,
  offset: number,
  { tag, type, count, value }: Readonly<Record<"tag" | "type" | "count" | "value", number>>,
): void {
  view.setUint16(offset, 1);
  view.setUint16(offset + 2, tag);
  view.setUint16(offset + 4, type);
  view.setUint32(offset + 6, count);
  view.setUint32(offset + 10, value);
}
