import type { ByteSource } from "../bytes/byte-source.ts";
import { quote } from "../bytes/limits.ts";
import { readPieces } from "../bytes/read-pieces.ts";
import { CheckpointError } from "../errors.ts";
import type { PackedRange } from "./torch-archive.ts";

/** The bytes of a small deflated piece of `source`; it is for the caller to refuse a large one. */
export async function inflateRange(source: ByteSource, packed: PackedRange): Promise<Uint8Array> {
  const bytes = new Uint8Array(packed.size);
  let offset = 0;
  for await (const piece of inflated(source, packed)) {
    bytes.set(piece, offset);
    offset += piece.length;
  }
  return bytes;
}

/** The first bytes of a deflated piece of `source`, `length` at most; the rest is not unpacked. */
export async function inflateStart(source: ByteSource, packed: PackedRange, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(Math.min(length, packed.size));
  let offset = 0;
  for await (const piece of inflated(source, packed)) {
    const wanted = piece.subarray(0, bytes.length - offset);
    bytes.set(wanted, offset);
    offset += wanted.length;
    if (offset === bytes.length) break;
  }
  return bytes;
}

/** The bytes of a deflated piece of `source`, one part after the other; refuses more or fewer than it says. */
export async function* inflated(source: ByteSource, packed: PackedRange): AsyncGenerator<Uint8Array, void> {
  const fail = (reason: string, cause?: unknown): CheckpointError =>
    new CheckpointError(`Cannot read "${source.name}": its entry ${quote(packed.name)} ${reason}`, { cause });
  let size = 0;
  const reader = inflate(readPieces(source, packed.offset, packed.length)).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((cause: unknown) => {
        throw cause instanceof CheckpointError ? cause : fail("cannot be unpacked", cause);
      });
      if (done) break;
      size += value.length;
      if (size > packed.size) throw fail(`says ${packed.size} bytes and unpacks to more`);
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {}); // what went wrong has been said
  }
  if (size < packed.size) throw fail(`says ${packed.size} bytes and unpacks to ${size}`);
}

/** Reads no further ahead than the unpacking takes. */
function inflate(pieces: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> {
  const packed = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        const { done, value } = await pieces.next();
        if (done === true) controller.close();
        else controller.enqueue(value as Uint8Array<ArrayBuffer>);
      },
      async cancel() {
        await pieces.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
  return packed.pipeThrough(new DecompressionStream("deflate-raw"));
}
