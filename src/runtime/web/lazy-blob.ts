/** A part of something whose bytes come when they are asked for. */
export interface LazyBytes {
  readonly size: number;
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** Bytes that are read at once. */
const PIECE = 16 * 2 ** 20;

/**
 * A Blob of `size` bytes that nobody holds: whoever streams a slice of it, as ONNX Runtime does with one weight after the other,
 * has those read then. It stays in its thread, since what clones it sees an empty one.
 */
export function lazyBlob({ size, read }: LazyBytes): Blob {
  const part = (begin: number, end: number): Blob => {
    const length = Math.max(0, end - begin);
    const pieces = async function* (): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < length; at += PIECE) yield await read(begin + at, Math.min(PIECE, length - at));
    };
    const own = {
      size: length,
      slice: (from = 0, to = length): Blob => part(begin + from, begin + Math.min(to, length)),
      stream: () => streamOf(pieces()),
      arrayBuffer: async (): Promise<ArrayBuffer> => (await read(begin, length)).slice().buffer as ArrayBuffer,
    };
    return Object.defineProperties(
      new Blob([]),
      Object.fromEntries(Object.entries(own).map(([name, value]) => [name, { value }])),
    );
  };
  return part(0, size);
}

/** What is asked for when it is wanted, and not before. */
function streamOf(pieces: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream(
    {
      async pull(controller) {
        const { done, value } = await pieces.next();
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
    },
    { highWaterMark: 0 },
  );
}

/** `read` of whole pieces that several readers take parts of; the last `most` are held. */
export function heldPieces<Key>(read: (piece: Key) => Promise<Uint8Array>, most: number): typeof read {
  const held = new Map<Key, Promise<Uint8Array>>();
  return (piece) => {
    const bytes = held.get(piece) ?? read(piece);
    held.delete(piece);
    held.set(piece, bytes);
    bytes.catch(() => held.delete(piece)); // a later read tries again
    for (const oldest of held.keys()) {
      if (held.size <= most) break;
      held.delete(oldest);
    }
    return bytes;
  };
}
