import { LIMITS } from "../../errors/limits.ts";
import { DTYPES } from "../../tensor/dtype.ts";
import { elementCount } from "../../tensor/tensor.ts";
import type { ByteSource } from "../bytes/byte-source.ts";
import { CheckpointError } from "../errors.ts";
import type { WritableFiles } from "../files.ts";
import { safetensorsHeader, type TensorEntry } from "../safetensors/encode-safetensors.ts";
import { inflated } from "./inflate.ts";
import { orderedBytes } from "./ordered-bytes.ts";
import type { PackedRange, StoragePlace } from "./torch-archive.ts";
import { openTorchFile, type TorchFileOptions } from "./torch-file.ts";
import type { TorchTensor } from "./torch-objects.ts";

/** How far a conversion has come, in bytes. */
export interface ConvertProgress {
  readonly written: number;
  readonly total: number;
}

export interface ConvertOptions extends TorchFileOptions {
  readonly onProgress?: ((progress: ConvertProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The tensors of a .bin, .pt, .pth or .ckpt file as a safetensors file, piece by piece: in row-major order, unpacked, a few
 * megabytes at a time. What is compressed is unpacked into `scratch` for the time being.
 */
export async function* convertTorchFile(
  source: ByteSource,
  scratch: WritableFiles,
  { at, onProgress, signal }: ConvertOptions = {},
): AsyncGenerator<Uint8Array, void> {
  const { tensors, metadata, locate } = await openTorchFile(source, { at });
  const inOrder = byStorage(tensors);
  const entries = inOrder.map(([name, tensor]) => [name, entryOf(tensor)] as const);
  const total = entries.reduce((sum, [, { bytes }]) => sum + bytes, 0);
  checkSize(source, total);
  yield encodeHeader(source, entries, metadata);
  let written = 0;
  const spend = readingBudget(source);
  await using opened = storageReader(source, scratch, signal);
  for (const [, tensor] of inOrder) {
    const { bytes, start } = await opened.open(await locate(tensor.storage));
    for await (const piece of orderedBytes(tensor, bytes, start, spend)) {
      signal?.throwIfAborted();
      yield piece;
      written += piece.length;
      onProgress?.({ written, total });
    }
  }
}

/** By storage, so that a compressed one is unpacked once. */
function byStorage(tensors: ReadonlyMap<string, TorchTensor>): readonly (readonly [string, TorchTensor])[] {
  const order = new Map<string, number>();
  for (const { storage } of tensors.values()) if (!order.has(storage.key)) order.set(storage.key, order.size);
  const rank = (tensor: TorchTensor): number => order.get(tensor.storage.key) ?? 0;
  return [...tensors].sort(([, a], [, b]) => rank(a) - rank(b) || a.offset - b.offset);
}

const entryOf = ({ storage: { dtype }, shape }: TorchTensor): TensorEntry => ({
  dtype,
  shape,
  bytes: elementCount(shape) * DTYPES[dtype].bytes,
});

/** Weights hardly compress, and views of a storage seldom repeat it; a few pickled bytes could ask for any amount. */
const ALWAYS_ALLOWED_BYTES = 16 * 1024 * 1024;

function checkSize(source: ByteSource, total: number): void {
  const most = LIMITS.torch.growth.most * source.size + ALWAYS_ALLOWED_BYTES;
  if (total <= most) return;
  throw new CheckpointError(
    `Cannot convert "${source.name}": its tensors would take ${total} bytes, for a file of ${source.size} at most ${most} are written`,
  );
}

const ALWAYS_READ_BYTES = 256 * 1024 * 1024;
/** What opening a file and seeking in it is worth. */
const LEAST_BYTES = 64 * 1024;

/** Tensors whose elements lie far apart could ask, in a few pickled bytes each, for the whole file to be read again. */
function readingBudget(source: ByteSource): (bytes: number) => void {
  const most = LIMITS.torch.gathering.most * source.size + ALWAYS_READ_BYTES;
  let total = 0;
  return (bytes) => {
    total += Math.max(bytes, LEAST_BYTES);
    if (total <= most) return;
    throw new CheckpointError(
      `Cannot convert "${source.name}": the elements of its tensors lie too far apart, for a file of ${source.size} bytes at most ${most} are read`,
    );
  };
}

function encodeHeader(
  source: ByteSource,
  entries: Parameters<typeof safetensorsHeader>[0],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  try {
    return safetensorsHeader(entries, metadata);
  } catch (cause) {
    throw new CheckpointError(`Cannot convert "${source.name}": its tensors cannot be named in safetensors`, { cause });
  }
}

interface OpenStorage {
  readonly bytes: ByteSource;
  readonly start: number;
}

/** Opens storages one after the other; a compressed one is unpacked into `scratch`, and gone when the next one is. */
function storageReader(source: ByteSource, scratch: WritableFiles, signal: AbortSignal | undefined) {
  let total = 0;
  let unpacked: { readonly packed: PackedRange; readonly bytes: ByteSource } | undefined;
  const name = scratch.temporaryName("storage");
  return {
    async open(place: StoragePlace): Promise<OpenStorage> {
      if (place.kind === "plain") return { bytes: source, start: place.offset };
      if (unpacked?.packed.offset !== place.packed.offset) {
        total += place.packed.size;
        checkSize(source, total);
        await scratch.write(name, interruptible(inflated(source, place.packed), signal));
        unpacked = { packed: place.packed, bytes: await scratch.open(name) };
      }
      return { bytes: unpacked.bytes, start: 0 };
    },
    async [Symbol.asyncDispose](): Promise<void> {
      if (unpacked !== undefined) await scratch.remove(name);
    },
  };
}

async function* interruptible(
  pieces: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    signal?.throwIfAborted();
    yield piece;
  }
}
