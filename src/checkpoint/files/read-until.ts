import { addAbortSignal, type Readable } from "node:stream";
import { buffer } from "node:stream/consumers";

/** All that a stream of Node's gives, named without its types, which users need not have; where a signal comes first, the stream is closed and its reason thrown. */
export async function readUntil(stream: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<Uint8Array> {
  try {
    return await buffer(signal === undefined ? stream : addAbortSignal(signal, stream as Readable));
  } catch (cause) {
    signal?.throwIfAborted();
    throw cause;
  }
}
