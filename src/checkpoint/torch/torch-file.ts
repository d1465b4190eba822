import { DTYPES } from "../../tensor/dtype.ts";
import { elementCount } from "../../tensor/tensor.ts";
import type { ByteSource } from "../byte-source.ts";
import type { CheckpointFile } from "../checkpoint-file.ts";
import { CheckpointError } from "../errors.ts";
import { quote } from "../limits.ts";
import type { Weight } from "../weights.ts";
import { readLegacyArchive } from "./legacy-archive.ts";
import type { TorchArchive } from "./torch-archive.ts";
import { isTensor, type TorchTensor } from "./torch-objects.ts";
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
}

/**
 * Describes the tensors of a .bin, .pt, .pth or .ckpt file without running what is pickled in it: of a dictionary of
 * tensors, or of the one under "state_dict" in what a trainer saved, whose numbers and texts become the metadata. Where
 * a trainer saved a list, names begin with the place in it: "0.conv_in.weight".
 */
export async function readTorchFile(source: ByteSource): Promise<TorchFile> {
  const { root, locate } = await readArchive(source);
  const { tensors, metadata } = selectTensors(root, source);
  const weights = new Map<string, Weight>();
  const strided = new Map<string, StridedTensor>();
  for (const [name, value] of tensors) {
    if (isContiguous(value)) weights.set(name, await toWeight(value, source, locate));
    else strided.set(name, { shape: value.shape, strides: value.strides });
  }
  return { weights, metadata, strided };
}

async function readArchive(source: ByteSource): Promise<TorchArchive> {
  const start = await source.read(0, Math.min(4, source.size));
  const isZip = ["P", "K", "\x03", "\x04"].every((character, i) => start[i] === character.charCodeAt(0));
  return isZip ? readZipArchive(source) : readLegacyArchive(source);
}

interface Selected {
  readonly tensors: ReadonlyMap<string, TorchTensor>;
  readonly metadata: Readonly<Record<string, string>>;
}

function selectTensors(root: unknown, source: ByteSource): Selected {
  const saved = root instanceof Map ? root : Array.isArray(root) ? flattened(root) : new Map<unknown, unknown>();
  const state: unknown = saved.get("state_dict");
  const named = [...(state instanceof Map ? state : saved)].filter((entry): entry is [string, TorchTensor] => {
    const [name, value] = entry;
    return typeof name === "string" && isTensor(value);
  });
  if (named.length === 0) {
    const keys = [...saved.keys()].filter((key) => typeof key === "string").slice(0, 8);
    throw new CheckpointError(
      `Cannot read "${source.name}": neither its top level nor its "state_dict" holds tensors by name` +
        (keys.length > 0 ? ` (it holds ${keys.map(quote).join(", ")})` : ""),
    );
  }
  const facts = state instanceof Map ? [...saved].filter(([key, value]) => isText(key) && isFact(value)) : [];
  return { tensors: new Map(named), metadata: Object.fromEntries(facts.map(([key, value]) => [key, String(value)])) };
}

/** The dictionaries of a list as one, every name preceded by its dictionary's place. */
const flattened = (list: readonly unknown[]): Map<unknown, unknown> =>
  new Map(
    list.flatMap((item, place) =>
      item instanceof Map ? [...item].map(([name, value]): [unknown, unknown] => [`${place}.${name}`, value]) : [],
    ),
  );

const isText = (value: unknown): boolean => typeof value === "string";
const isFact = (value: unknown): boolean => ["string", "number", "bigint", "boolean"].includes(typeof value);

/** Strides of dimensions with a single element say nothing. */
function isContiguous({ shape, strides }: TorchTensor): boolean {
  if (shape.includes(0)) return true;
  let expected = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    const size = shape[i]!;
    if (size !== 1 && strides[i] !== expected) return false;
    expected *= size;
  }
  return true;
}

async function toWeight(tensor: TorchTensor, source: ByteSource, locate: TorchArchive["locate"]): Promise<Weight> {
  const { storage, shape } = tensor;
  const width = DTYPES[storage.dtype].bytes;
  const length = elementCount(shape) * width;
  const start = await locate(storage);
  const offset = length === 0 ? start : start + tensor.offset * width;
  return { dtype: storage.dtype, shape, span: { path: source.path, offset, length } };
}
