import { LIMITS } from "../errors/limits.ts";
import type { ByteSource } from "./bytes/byte-source.ts";
import { quote } from "./bytes/limits.ts";
import type { CheckpointFile } from "./checkpoint-file.ts";
import { CheckpointError } from "./errors.ts";
import { readSafetensors } from "./safetensors/safetensors.ts";
import type { TorchFile, TorchFileOptions } from "./torch/torch-file.ts";

/** Describes the tensors of a file of weights in any format that is known. */
export async function readCheckpoint(source: ByteSource, options: TorchFileOptions = {}): Promise<CheckpointFile> {
  if (!(await isTorchFile(source))) return readFlatFile(source, options);
  const { readTorchFile } = await import("./torch/torch-file.ts"); // which pages that read safetensors do without
  const file = await readTorchFile(source, options);
  const obstacle = obstacleOf(file);
  if (obstacle === undefined) return { weights: file.weights, metadata: file.metadata };
  throw new CheckpointError(
    `Cannot use tensor ${quote(obstacle.name)} of "${source.name}" in place: ${obstacle.reason}; ` +
      "save it contiguous, best as safetensors",
  );
}

/** Describes a safetensors file, in which there is nothing to choose. */
export async function readFlatFile(source: ByteSource, { at }: TorchFileOptions): Promise<CheckpointFile> {
  if (at === undefined) return readSafetensors(source);
  throw new CheckpointError(
    `Cannot read ${quote(at)} of "${source.name}": only files of torch hold one thing in another`,
  );
}

/** A tensor that cannot be used where it lies, and why. */
export function obstacleOf({ strided, compressed }: TorchFile): { name: string; reason: string } | undefined {
  for (const [name, { shape, strides }] of strided) {
    return { name, reason: `its sizes [${shape.join(", ")}] have the strides [${strides.join(", ")}]` };
  }
  for (const name of compressed) return { name, reason: "it is compressed" };
  return undefined;
}

const LENGTH_BYTES = 8;
const PICKLE_START = 0x80;
const ZIP_START = 0x50;
const TORCH_EXTENSION = /\.(bin|pt|pth|ckpt|pkl)$/i;

/**
 * Tells torch's files from safetensors by their first bytes, since extensions mislead: taken for the length of a
 * safetensors header, those of a zip or a pickle are more than a header may have.
 */
export async function isTorchFile(source: ByteSource): Promise<boolean> {
  const named = TORCH_EXTENSION.test(source.name);
  if (source.size < LENGTH_BYTES) return named;
  const start = await source.read(0, LENGTH_BYTES);
  if (new DataView(start.buffer, start.byteOffset).getBigUint64(0, true) <= BigInt(LIMITS.safetensors.headerBytes.most))
    return false;
  return named || start[0] === PICKLE_START || start[0] === ZIP_START;
}
