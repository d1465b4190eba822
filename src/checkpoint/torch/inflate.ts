import { Readable } from "node:stream";
import { createInflateRaw } from "node:zlib";
import type { ByteSource } from "../bytes/byte-source.ts";
import { quote } from "../bytes/limits.ts";
import { readPieces } from "../bytes/read-pieces.ts";
import { CheckpointError } from "../errors.ts";
import type { PackedRange } from "./torch-archive.ts";

/** The bytes of a small deflated piece of `source`. */
export async function inflateRange(source: ByteSource, packed: PackedRange): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  await inflateInto(source, packed, async (piece) => void pieces.push(piece));
  return new Uint8Array(Buffer.concat(pieces));
}

/** Hands the bytes of a deflated piece of `source` to `write`, one part after the other; refuses more or fewer than it says. */
export async function inflateInto(
  source: ByteSource,
  packed: PackedRange,
  write: (piece: Uint8Array) => Promise<void>,
): Promise<void> {
  const fail = (reason: string, cause?: unknown): CheckpointError =>
    new CheckpointError(`Cannot read "${source.name}": its entry ${quote(packed.name)} ${reason}`, { cause });
  const unpacked = createInflateRaw();
  const pieces = Readable.from(readPieces(source, packed.offset, packed.length), { objectMode: false });
  pieces.on("error", (error) => unpacked.destroy(error));
  let size = 0;
  try {
    for await (const piece of pieces.pipe(unpacked) as AsyncIterable<Uint8Array>) {
      size += piece.length;
      if (size > packed.size) throw fail(`says ${packed.size} bytes and unpacks to more`);
      await write(piece);
    }
  } catch (cause) {
    throw isZlibError(cause) ? fail("cannot be unpacked", cause) : cause;
  } finally {
    pieces.destroy();
    unpacked.destroy();
  }
  if (size < packed.size) throw fail(`says ${packed.size} bytes and unpacks to ${size}`);
}

const isZlibError = (cause: unknown): boolean =>
  cause instanceof Error && "code" in cause && typeof cause.code === "string" && cause.code.startsWith("Z_");
