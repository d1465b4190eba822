import type { ByteSource } from "./byte-source.ts";

/** Enough for the disk to be busy, little enough to forget. */
const PIECE_BYTES = 8 * 1024 * 1024;

/** The bytes `offset … offset + length`, a few megabytes at a time. */
export async function* readPieces(source: ByteSource, offset: number, length: number): AsyncGenerator<Uint8Array> {
  for (let done = 0; done < length; done += PIECE_BYTES) {
    yield await source.read(offset + done, Math.min(PIECE_BYTES, length - done));
  }
}
