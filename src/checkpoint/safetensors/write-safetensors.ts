import type { Tensor } from "../../tensor/tensor.ts";
import { writePieces } from "../files/write.ts";
import { encodeSafetensors } from "./encode-safetensors.ts";

/** Writes float32 tensors as a safetensors file that appears under `path` only once it is complete. */
export async function writeSafetensors(
  path: string,
  tensors: Readonly<Record<string, Tensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await writePieces(path, encodeSafetensors(tensors, metadata));
}
