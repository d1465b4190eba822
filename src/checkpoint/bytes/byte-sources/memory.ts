import type { ByteSource } from "../byte-source.ts";
import { checkRange } from "./bounds.ts";

/** Bytes that are already in memory; reads are views, not copies, and of no other class than bytes from elsewhere. */
export function memorySource(given: Uint8Array, name = "memory"): ByteSource {
  const bytes = new Uint8Array(given.buffer, given.byteOffset, given.byteLength); // a Buffer's slices are views
  return {
    name,
    size: bytes.length,
    async read(offset, length) {
      checkRange(name, bytes.length, offset, length);
      return bytes.subarray(offset, offset + length);
    },
  };
}
