import type { ByteSource } from "./byte-source.ts";
import type { CheckpointFile } from "./checkpoint-file.ts";
import { CheckpointError } from "./errors.ts";
import { quote } from "./limits.ts";
import { MAX_HEADER_BYTES, readSafetensors } from "./safetensors.ts";
import { readTorchFile } from "./torch/torch-file.ts";

/** Describes the tensors of a file of weights in any format that is known. */
export async function readCheckpoint(source: ByteSource): Promise<CheckpointFile> {
  if (!(await looksLikeTorch(source))) return readSafetensors(source);
  const { weights, metadata, strided } = await readTorchFile(source);
  for (const [name, { shape, strides }] of strided) {
    throw new CheckpointError(
      `Cannot use tensor ${quote(name)} of "${source.name}" in place: its sizes [${shape.join(", ")}] have the strides ` +
        `[${strides.join(", ")}]; save it contiguous, best as safetensors`,
    );
  }
  return { weights, metadata };
}

const LENGTH_BYTES = 8;
const PICKLE_START = 0x80;
const ZIP_START = 0x50;
const TORCH_EXTENSION = /\.(bin|pt|pth|ckpt|pkl)$/i;

/**
 * Tells torch's files from safetensors by their first bytes, since extensions mislead: taken for the length of a
 * safetensors header, those of a zip or a pickle are more than a header may have.
 */
async function looksLikeTorch(source: ByteSource): Promise<boolean> {
  const named = TORCH_EXTENSION.test(source.name);
  if (source.size < LENGTH_BYTES) return named;
  const start = await source.read(0, LENGTH_BYTES);
  if (new DataView(start.buffer, start.byteOffset).getBigUint64(0, true) <= BigInt(MAX_HEADER_BYTES)) return false;
  return named || start[0] === PICKLE_START || start[0] === ZIP_START;
}
