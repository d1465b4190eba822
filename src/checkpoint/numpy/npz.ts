import { zipSync } from "fflate";
import { LIMITS } from "../../errors/limits.ts";
import { elementCount } from "../../tensor/tensor.ts";
import type { ByteSource } from "../bytes/byte-source.ts";
import { quote } from "../bytes/limits.ts";
import { CheckpointError } from "../errors.ts";
import { writePieces } from "../files/write.ts";
import { inflateRange, inflateStart } from "../torch/inflate.ts";
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

const { arrays: ARRAYS, inflatedBytes: INFLATED, numbers: NUMBERS } = LIMITS.npz;

/** Lists the arrays of a `.npz` file as numpy.savez and numpy.savez_compressed write it, by name. */
export async function openNpz(source: ByteSource): Promise<ReadonlyMap<string, NpzArray>> {
  const arrays = new Map<string, NpzArray>();
  const entries = [...(await readZipDirectory(source)).values()].filter(({ name }) => name.endsWith(".npy"));
  if (entries.length === 0) throw new CheckpointError(`Cannot read "${source.name}": it holds no NumPy arrays`);
  if (entries.length > ARRAYS.most) {
    throw new CheckpointError(
      `Cannot read "${source.name}": it holds ${entries.length} arrays, at most ${ARRAYS.most} are read`,
    );
  }
  const budget = inflationBudget(source);
  for (const entry of entries) {
    const name = entry.name.slice(0, -".npy".length);
    arrays.set(name, await openArray(source, entry, name, budget));
  }
  return arrays;
}

type Budget = (entry: ZipEntry) => void;

/** Refuses to unpack more in all than a file of a few kilobytes should be able to ask for. */
function inflationBudget(source: ByteSource): Budget {
  let total = 0;
  return ({ name, size }) => {
    total += size;
    if (total <= INFLATED.most) return;
    throw new CheckpointError(
      `Cannot read "${source.name}": with its compressed entry ${quote(name)} it unpacks to ${total} bytes, at most ` +
        `${INFLATED.most} are read; numpy.savez writes it uncompressed`,
    );
  };
}

async function openArray(source: ByteSource, entry: ZipEntry, name: string, budget: Budget): Promise<NpzArray> {
  const { start: file, read: range } = await entryReader(source, entry, budget);
  const what = `the array ${quote(name)} of "${source.name}"`;
  const { type, shape, start } = readNpyHeader(await file(Math.min(NPY_HEADER_BYTES, entry.size)), what);
  const size = NPY_TYPES[type];
  const count = elementCount(shape);
  const expected = start + count * size;
  if (entry.size !== expected) {
    throw new CheckpointError(
      `Cannot read ${what}: it is ${entry.size} bytes long, ${type}[${shape}] takes ${expected}`,
    );
  }
  const read = (begin: number, end: number): Promise<Uint8Array> => range(start + begin * size, start + end * size);
  return {
    name,
    type,
    shape,
    read,
    async values() {
      if (count <= NUMBERS.most) return asFloat64(await read(0, count), type);
      throw new CheckpointError(`Cannot read ${what}: it has ${count} numbers, at most ${NUMBERS.most} are read`);
    },
  };
}

interface EntryReader {
  /** The first bytes, `length` at most. */
  start(length: number): Promise<Uint8Array>;
  read(begin: number, end: number): Promise<Uint8Array>;
}

async function entryReader(source: ByteSource, entry: ZipEntry, budget: Budget): Promise<EntryReader> {
  const offset = await locateEntry(source, entry);
  if (entry.packing === "none") {
    return {
      start: (length) => source.read(offset, length),
      read: (begin, end) => source.read(offset + begin, end - begin),
    };
  }
  const packed = { name: entry.name, offset, length: entry.packed, size: entry.size };
  let bytes: Promise<Uint8Array> | undefined;
  return {
    start: (length) => inflateStart(source, packed, length),
    async read(begin, end) {
      if (bytes === undefined) {
        budget(entry);
        bytes = inflateRange(source, packed);
      }
      return (await bytes).subarray(begin, end);
    },
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
