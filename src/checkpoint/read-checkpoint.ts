import type { ByteSource } from "./byte-source.ts";
import type { CheckpointFile } from "./checkpoint-file.ts";
import { readSafetensors } from "./safetensors.ts";

/** Describes the tensors of a file of weights, telling the format by its first bytes, since extensions mislead. */
export async function readCheckpoint(source: ByteSource): Promise<CheckpointFile> {
  return readSafetensors(source);
}
