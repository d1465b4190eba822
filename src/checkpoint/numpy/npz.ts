import { zipSync } from "fflate";
import { elementCount } from "../../tensor/tensor.ts";
import type { ByteSource } from "../bytes/byte-source.ts";
import { quote } from "../bytes/limits.ts";
import { CheckpointError } from "../errors.ts";
import { writePieces } from "../files/write.ts";
import { inflateRange } from "../torch/inflate.ts";
import { locateEntry, readZipDirectory, type ZipEntry } from "../torch/zip.ts";
import { encodeNpy, NPY_HEADER_BYTES, NPY_TYPES, type NpyHeader, readNpyHeader } from "./npy.ts";

/** One array of a `.npz` file, read some rows at a time. */
export interface NpzArray {
  readonly name: string;
  readonly type: NpyHeader["type"];
  readonly shape: readonly number[];
  /** The bytes of elements `begin` to `end`, in rows. */
  read(begin: number, end: number): Promise<Uint8Array>;
  /** All elements, of an array of numbers. */
  values(): Promise<Float64Array>;
}

/** Largest compressed array: it is unpacked in memory, unlike others. */
const MAX_INFLATED = 2 ** 30;

/** Lists the arrays of a `.npz` file as numpy.savez and numpy.savez_compressed write it, by name. */
export async function openNpz(source: ByteSource): Promise<ReadonlyMap<string, NpzArray>> {
  const arrays = new Map<string, NpzArray>();
  for (const entry of (await readZipDirectory(source)).values()) {
    if (!entry.name.endsWith(".npy")) continue;
    const name = entry.name.slice(0, -".npy".length);
    arrays.set(name, await openArray(source, entry, name));
  }
  if (arrays.size === 0) throw new CheckpointError(`Cannot read "${source.name}": it holds no NumPy arrays`);
  return arrays;
}

async function openArray(source: ByteSource, entry: ZipEntry, name: string): Promise<NpzArray> {
  const file = await entryReader(source, entry);
  const title = `${name} of ${source.name}`;
  const { type, shape, start } = readNpyHeader(await file(0, Math.min(NPY_HEADER_BYTES, entry.size)), title);
  const size = NPY_TYPES[type];
  const expected = start + elementCount(shape) * size;
  if (entry.size !== expected) {
    throw new CheckpointError(
      `Cannot read the array ${quote(title)}: it is ${entry.size} bytes long, ${type}[${shape}] takes ${expected}`,
    );
  }
  const read = (begin: number, end: number): Promise<Uint8Array> => file(start + begin * size, start + end * size);
  return { name, type, shape, read, values: async () => asFloat64(await read(0, elementCount(shape)), type) };
}

type ReadRange = (begin: number, end: number) => Promise<Uint8Array>;

async function entryReader(source: ByteSource, entry: ZipEntry): Promise<ReadRange> {
  const offset = await locateEntry(source, entry);
  if (entry.packing === "none") return (begin, end) => source.read(offset + begin, end - begin);
  if (entry.size > MAX_INFLATED) {
    throw new CheckpointError(
      `Cannot read "${source.name}": its compressed entry ${quote(entry.name)} unpacks to ${entry.size} bytes, at most ${MAX_INFLATED} are read; numpy.savez writes it uncompressed`,
    );
  }
  const packed = { name: entry.name, offset, length: entry.packed, size: entry.size };
  let bytes: Promise<Uint8Array> | undefined;
  return async (begin, end) => {
    bytes ??= inflateRange(source, packed);
    return (await bytes).subarray(begin, end);
  };
}

function asFloat64(bytes: Uint8Array, type: NpyHeader["type"]): Float64Array {
  const { buffer } = bytes.slice(); // aligned
  switch (type) {
    case "|u1":
      return Float64Array.from(bytes);
    case "<f4":
      return Float64Array.from(new Float32Array(buffer));
    case "<f8":
      return new Float64Array(buffer);
  }
}

/** Writes float64 arrays as numpy.savez does; the file appears once it is complete. */
export async function writeNpz(
  path: string,
  arrays: Readonly<Record<string, { readonly data: Float64Array; readonly shape: readonly number[] }>>,
): Promise<void> {
  const files = Object.entries(arrays).map(
    ([name, { data, shape }]) => [`${name}.npy`, encodeNpy(data, shape)] as const,
  );
  await writePieces(path, [zipSync(Object.fromEntries(files), { level: 0, mtime: EPOCH })]);
}

/** What zip archives count time from: the same arrays make the same file. */
const EPOCH = new Date(1980, 0, 1);
