import { DTYPES } from "../../tensor/dtype.ts";
import { elementCount } from "../../tensor/tensor.ts";
import type { ByteSource } from "../bytes/byte-source.ts";
import type { CheckpointFile } from "../checkpoint-file.ts";
import type { Weight } from "../weights.ts";
import { readLegacyArchive } from "./legacy-archive.ts";
import { type SelectedTensors, selectTensors } from "./select-tensors.ts";
import type { TorchArchive } from "./torch-archive.ts";
import type { TorchTensor } from "./torch-objects.ts";
import { readZipArchive } from "./zip-archive.ts";

/** A tensor whose elements are not in row-major order, so that no span describes it. */
export interface StridedTensor {
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

/** What a file of torch.save holds; no tensor has been read. */
export interface TorchFile extends CheckpointFile {
  /** Tensors that would have to be copied into order before they can be used in place. */
  readonly strided: ReadonlyMap<string, StridedTensor>;
  /** Tensors that lie compressed in the file, which torch never does. */
  readonly compressed: ReadonlySet<string>;
}

export interface TorchFileOptions {
  /**
   * Where in the pickled value the dictionary of tensors is, such as "-1" for the last item of a list, or
   * "optimizer.state"; the top level, or its "state_dict", unless told otherwise.
   */
  readonly at?: string | undefined;
}

/**
 * Describes the tensors of a .bin, .pt, .pth or .ckpt file without running what is pickled in it: of a dictionary of
 * tensors, or of the one under "state_dict" in what a trainer saved, whose numbers and texts become the metadata. Where
 * a trainer saved a list, names begin with the place in it: "0.conv_in.weight".
 */
export async function readTorchFile(source: ByteSource, options: TorchFileOptions = {}): Promise<TorchFile> {
  const { tensors, metadata, locate } = await openTorchFile(source, options);
  const weights = new Map<string, Weight>();
  const strided = new Map<string, StridedTensor>();
  const compressed = new Set<string>();
  for (const [name, tensor] of tensors) {
    const place = await locate(tensor.storage);
    if (place.kind === "deflated") compressed.add(name);
    else if (isContiguous(tensor)) weights.set(name, toWeight(tensor, source, place.offset));
    else strided.set(name, { shape: tensor.shape, strides: tensor.strides });
  }
  return { weights, metadata, strided, compressed };
}

/** The tensors of a file of torch.save as views of storages, and where those lie. */
export async function openTorchFile(
  source: ByteSource,
  { at }: TorchFileOptions,
): Promise<SelectedTensors & Pick<TorchArchive, "locate">> {
  const start = await source.read(0, Math.min(4, source.size));
  const isZip = ["P", "K", "\x03", "\x04"].every((character, i) => start[i] === character.charCodeAt(0));
  const { root, locate } = isZip ? await readZipArchive(source) : await readLegacyArchive(source);
  return { ...selectTensors(root, source, at), locate };
}

/** Whether the elements lie in row-major order; strides of dimensions with a single element say nothing. */
export function isContiguous({ shape, strides }: StridedTensor): boolean {
  if (shape.includes(0)) return true;
  let expected = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    const size = shape[i]!;
    if (size !== 1 && strides[i] !== expected) return false;
    expected *= size;
  }
  return true;
}

function toWeight({ storage, shape, offset }: TorchTensor, source: ByteSource, start: number): Weight {
  const width = DTYPES[storage.dtype].bytes;
  const length = elementCount(shape) * width;
  return {
    dtype: storage.dtype,
    shape,
    span: { source, offset: length === 0 ? start : start + offset * width, length },
  };
}
