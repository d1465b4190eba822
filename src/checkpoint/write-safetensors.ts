import { randomUUID } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import type { Tensor } from "../tensor/tensor.ts";
import { encodeSafetensors } from "./encode-safetensors.ts";
import { CheckpointError } from "./errors.ts";

/** Writes float32 tensors as a safetensors file that appears under `path` only once it is complete. */
export async function writeSafetensors(
  path: string,
  tensors: Readonly<Record<string, Tensor>>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const pieces = encodeSafetensors(tensors, metadata);
  const temporary = `${path}.${randomUUID()}.incomplete`;
  try {
    await writePieces(temporary, pieces);
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw new CheckpointError(`Cannot write "${path}"`, { cause });
  }
}

async function writePieces(path: string, pieces: readonly Uint8Array[]): Promise<void> {
  const file = await open(path, "wx");
  try {
    for (const piece of pieces) await file.writeFile(piece);
  } finally {
    await file.close();
  }
}
