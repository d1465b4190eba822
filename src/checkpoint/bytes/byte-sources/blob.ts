import { CheckpointError } from "../../errors.ts";
import type { ByteSource } from "../byte-source.ts";
import { checkRange } from "./bounds.ts";

/** A Blob, or a File that was picked or dropped; what is not asked for is not read. */
export function blobSource(blob: Blob, name = "blob"): ByteSource {
  const modified = "lastModified" in blob ? blob.lastModified : undefined;
  return {
    name,
    identity: modified === undefined ? undefined : JSON.stringify([name, blob.size, modified]),
    size: blob.size,
    async blob(offset, length) {
      checkRange(name, blob.size, offset, length);
      return blob.slice(offset, offset + length);
    },
    async read(offset, length) {
      checkRange(name, blob.size, offset, length);
      try {
        return new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer());
      } catch (cause) {
        throw new CheckpointError(`Cannot read ${length} bytes at ${offset} of "${name}"`, { cause });
      }
    },
  };
}
