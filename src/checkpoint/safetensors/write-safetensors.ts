import type { Tensor } from "../../tensor/tensor.ts";
import { writeAtomically } from "../bytes/write-atomically.ts";
import { CheckpointError } from "../errors.ts";
import { encodeSafetensors } from "./encode-safetensors.ts";

/** Writes float32 tensors as a safetensors file that appears under `path` only once it is complete. */
export async function writeSafetensors(
  path: string,
  tensors: Readonly<Record<string, Tensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const pieces = encodeSafetensors(tensors, metadata);
  try {
    await writeAtomically(path, pieces);
  } catch (cause) {
    throw new CheckpointError(`Cannot write "${path}"`, { cause });
  }
}
