import type { ByteSource } from "../byte-source.ts";
import { checkRange } from "./bounds.ts";

/** Bytes that are already in memory; reads are views, not copies. */
export function memorySource(bytes: Uint8Array, name = "memory"): ByteSource {
  return {
    name,
    size: bytes.length,
    async read(offset, length) {
      checkRange(name, bytes.length, offset, length);
      return bytes.subarray(offset, offset + length);
    },
  };
}
