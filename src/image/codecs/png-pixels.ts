import { Unzlib } from "fflate";
import { LIMITS } from "../../errors/limits.ts";
import { joined } from "./bytes.ts";
import { chunksOf } from "./png-chunks.ts";

/** By colour type: grey, red green blue, palette, and the first two with alpha. */
const CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** Adam7: where each pass begins and how far its pixels lie apart, across and down. */
const PASSES = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/** What one compressed byte holds at most (zlib's technical notes). */
const MOST_INFLATION = 1032;
const { rowBytes: ROWS, inflation: INFLATION } = LIMITS.png;
/** Compressed bytes that are inflated together. */
const PIECE_BYTES = 2 ** 14;
/** Encoders may write some bytes behind the last row. */
const MOST_EXTRA_BYTES = 2 ** 16;

/**
 * Refuses a PNG whose compressed data cannot be what its header says: less, so that memory would be taken for nothing, or
 * more, so that inflating it would take as much as its author likes.
 */
export function checkPixelData(png: Uint8Array): void {
  const pieces = [...chunksOf(png)].filter(({ type }) => type === "IDAT").map(({ data }) => data);
  const compressed = pieces.reduce((total, { length }) => total + length, 0);
  const expected = rowBytes(png);
  if (expected > compressed * MOST_INFLATION) {
    throw new RangeError(`${compressed} compressed bytes cannot hold the ${expected} bytes of its rows`);
  }
  if (expected > Math.max(ROWS.most, compressed * INFLATION.most)) {
    throw new RangeError(
      `its rows take ${expected} bytes, for ${compressed} compressed bytes at most ` +
        `${Math.max(ROWS.most, compressed * INFLATION.most)} are read`,
    );
  }
  if (compressed * MOST_INFLATION <= expected + MOST_EXTRA_BYTES) return;
  let found = 0;
  const inflating = new Unzlib((piece) => {
    found += piece.length;
    if (found > expected + MOST_EXTRA_BYTES)
      throw new RangeError(`it holds more than the ${expected} bytes of its rows`);
  });
  for (const data of pieces) {
    for (let i = 0; i < data.length; i += PIECE_BYTES) inflating.push(data.subarray(i, i + PIECE_BYTES));
  }
}

/** `png` without its colour profile, which is not used, and which may inflate to any size. */
export function withoutProfile(png: Uint8Array): Uint8Array {
  const profiles = [...chunksOf(png)].filter(({ type }) => type === "iCCP");
  if (profiles.length === 0) return png;
  const begins = [0, ...profiles.map(({ end }) => end)];
  const ends = [...profiles.map(({ begin }) => begin), png.length];
  return joined(begins.map((begin, i) => png.subarray(begin, ends[i])));
}

/** How many bytes the rows of a PNG take, each with its filter's number in front. */
function rowBytes(png: Uint8Array): number {
  const header = new DataView(png.buffer, png.byteOffset + 16, 13);
  const [width, height, depth] = [header.getUint32(0), header.getUint32(4), header.getUint8(8)];
  const bits = depth * (CHANNELS[header.getUint8(9)] ?? 0);
  const passBytes = (columns: number, rows: number): number =>
    columns > 0 && rows > 0 ? rows * (1 + Math.ceil((columns * bits) / 8)) : 0;
  if (header.getUint8(12) === 0) return passBytes(width, height);
  return PASSES.reduce(
    (total, [left, top, across, down]) =>
      total + passBytes(Math.ceil((width - left) / across), Math.ceil((height - top) / down)),
    0,
  );
}
