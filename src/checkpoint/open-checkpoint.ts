import { createHash } from "node:crypto";
import { mkdir, stat } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { fileSource } from "./bytes/byte-sources/file.ts";
import type { CheckpointFile } from "./checkpoint-file.ts";
import { isTorchFile, obstacleOf, readCheckpoint, readFlatFile } from "./read-checkpoint.ts";
import { readSafetensors } from "./safetensors/safetensors.ts";
import { type ConvertOptions, convertTorchFile } from "./torch/convert-torch-file.ts";
import { readTorchFile } from "./torch/torch-file.ts";

export interface OpenCheckpointOptions extends ConvertOptions {
  /** Where tensors may be copied that cannot be used where they lie; without it, such a file is refused. */
  readonly cacheFolder?: string | undefined;
}

/**
 * Describes the tensors of a file of weights so that all can be used in place: in the file itself, or, where some lie
 * there in another order or compressed, in a copy of it that is made once.
 */
export async function openCheckpoint(path: string, options: OpenCheckpointOptions = {}): Promise<CheckpointFile> {
  const { cacheFolder, at, onProgress, signal } = options;
  const source = await fileSource(path);
  if (cacheFolder === undefined) return readCheckpoint(source, { at });
  if (!(await isTorchFile(source))) return readFlatFile(source, { at });
  const file = await readTorchFile(source, { at });
  if (obstacleOf(file) === undefined) return { weights: file.weights, metadata: file.metadata };
  const copy = join(cacheFolder, await copyName(source.path, at));
  if (!(await exists(copy))) {
    await mkdir(cacheFolder, { recursive: true });
    await convertTorchFile(source, copy, { at, onProgress, signal });
  }
  return readSafetensors(await fileSource(copy));
}

/** Another file, or another version of it, or another part, has another copy. */
async function copyName(path: string, at: string | undefined): Promise<string> {
  const { size, mtimeMs } = await stat(path);
  const identity = createHash("sha256").update(JSON.stringify([path, size, mtimeMs, at ?? null]));
  return `${basename(path, extname(path))}-${identity.digest("hex").slice(0, 16)}.safetensors`;
}

/** Whether a copy has been made before; one that is there is complete. */
async function exists(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
