import type { ByteSource } from "./bytes/byte-source.ts";
import type { CheckpointFile } from "./checkpoint-file.ts";
import { CheckpointError } from "./errors.ts";
import { ensureFile } from "./files/ensure-file.ts";
import { filesOf, sourceOf } from "./files/place.ts";
import type { FileLike, WritableFiles } from "./files.ts";
import { isTorchFile, obstacleOf, readCheckpoint, readFlatFile } from "./read-checkpoint.ts";
import { readSafetensors } from "./safetensors/safetensors.ts";
import type { ConvertOptions } from "./torch/convert-torch-file.ts";

export interface OpenCheckpointOptions extends ConvertOptions {
  /** Where tensors may be copied that cannot be used where they lie; without it, such a file is refused. */
  readonly cacheFolder?: string | WritableFiles | undefined;
}

/**
 * Describes the tensors of a file of weights so that all can be used in place: in the file itself, or, where some lie
 * there in another order or compressed, in a copy of it that is made once.
 */
export async function openCheckpoint(file: FileLike, options: OpenCheckpointOptions = {}): Promise<CheckpointFile> {
  const { cacheFolder, at, onProgress, signal } = options;
  const source = await sourceOf(file);
  if (cacheFolder === undefined) return readCheckpoint(source, { at });
  if (!(await isTorchFile(source))) return readFlatFile(source, { at });
  const { readTorchFile } = await import("./torch/torch-file.ts"); // as in read-checkpoint.ts
  const { convertTorchFile } = await import("./torch/convert-torch-file.ts");
  const torch = await readTorchFile(source, { at });
  if (obstacleOf(torch) === undefined) return { weights: torch.weights, metadata: torch.metadata };
  const cache = filesOf(cacheFolder);
  const copy = await copyName(source, at);
  const pieces = () => convertTorchFile(source, cache, { at, onProgress, signal });
  const isNew = await ensureFile(cache, copy, pieces);
  try {
    return await readSafetensors(await cache.open(copy));
  } catch (error) {
    if (isNew || !(error instanceof CheckpointError)) throw error;
  }
  await cache.write(copy, pieces()); // what can be made again need not be right
  return await readSafetensors(await cache.open(copy));
}

/** Another file, or another version of it, or another part, has another copy. */
async function copyName(source: ByteSource, at: string | undefined): Promise<string> {
  const identity = source.identity ?? (await sha256(await source.read(0, source.size)));
  const key = await sha256(new TextEncoder().encode(JSON.stringify([identity, at ?? null])));
  const name = (source.path ?? source.name).split(/[/\\]/).at(-1) ?? "";
  return `${name.replace(/(?<=.)\.[^.]*$/, "")}-${key.slice(0, 16)}.safetensors`;
}

/** In hexadecimal digits. */
async function sha256(bytes: Uint8Array): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>);
  return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
