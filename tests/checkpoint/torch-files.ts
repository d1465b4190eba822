import { concatenate } from "./files.ts";

export type PickleParts = readonly (string | number | readonly number[])[];

/** Text and opcodes of a pickle, one after the other. */
export function pickle(...parts: PickleParts): Uint8Array {
  return concatenate(
    parts.map((part) =>
      typeof part === "string" ? new Uint8Array(Buffer.from(part, "latin1")) : Uint8Array.from([part].flat()),
    ),
  );
}

/** Short text, as protocol 4 writes it. */
export const text = (value: string): Uint8Array => pickle(0x8c, value.length, value);
export const uint32 = (value: number): number[] => [...new Uint8Array(Uint32Array.of(value).buffer)];

export interface TensorParts {
  readonly name?: string;
  readonly key?: string;
  readonly storage?: string;
  readonly elements?: number;
  readonly offset?: number;
  readonly shape?: readonly number[];
  readonly strides?: readonly number[];
}

/** The pickle of `{"w": tensor}`. */
export function tensorPickle(tensor: TensorParts = {}): Uint8Array {
  const {
    name = "w",
    key = "0",
    storage = "FloatStorage",
    elements = 2,
    offset = 0,
    shape = [2],
    strides = [1],
  } = tensor;
  const counts = (values: readonly number[]) => ["(", ...values.flatMap((value) => ["J", uint32(value)]), "t"];
  return concatenate([
    pickle(0x80, 2, "}"),
    text(name),
    pickle("ctorch._utils\n_rebuild_tensor_v2\n(("),
    text("storage"),
    pickle(`ctorch\n${storage}\n`),
    text(key),
    text("cpu"),
    pickle("J", uint32(elements), "tQJ", uint32(offset), ...counts(shape), ...counts(strides)),
    pickle(0x89, "ccollections\nOrderedDict\n)RtRs."),
  ]);
}

export interface ZipPart {
  readonly name: string;
  readonly data: Uint8Array;
  /** What the directory says instead of the truth: of the data as it is unpacked, as it lies there, and of its place. */
  readonly size?: number;
  readonly packed?: number;
  readonly at?: number;
  readonly method?: number;
  readonly flags?: number;
}

/** An archive of uncompressed entries, in 64-bit form where asked. */
export function zip(parts: readonly ZipPart[], { wide = false, entries = parts.length } = {}): Uint8Array {
  const local: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const part of parts) {
    const header = localHeader(part);
    directory.push(directoryEntry(part, part.at ?? offset, wide));
    local.push(header, part.data);
    offset += header.length + part.data.length;
  }
  return concatenate([...local, zipEnd(directory, offset, { wide, entries })]);
}

/** Sizes of a part as the archive tells them. */
function sizesOf({ data, size = data.length, method = 0, packed = method === 0 ? size : data.length }: ZipPart) {
  return { size, packed };
}

/** What stands before the bytes of an entry; sizes that need 64 bits are left to the directory. */
function localHeader(part: ZipPart): Uint8Array {
  const { name, method = 0, flags = 0 } = part;
  const sizes = Object.values(sizesOf(part)).map((size) => Math.min(size, 0xffffffff));
  const [size = 0, packed = 0] = sizes;
  const lengths = [u16(name.length), u16(3)];
  return pickle("PK\x03\x04", u16(20), u16(flags), u16(method), u32(0, 0, packed, size), ...lengths, name, "pad");
}

function directoryEntry(part: ZipPart, offset: number, wide: boolean): Uint8Array {
  const { name, method = 0, flags = 0 } = part;
  const { size, packed } = sizesOf(part);
  const extra = wide ? pickle(u16(7), u16(1), "?", u16(1), u16(24), u64(size, packed, offset)) : new Uint8Array();
  const fields = wide ? u32(0xffffffff, 0xffffffff) : u32(packed, size);
  return concatenate([
    pickle("PK\x01\x02", u16(20), u16(20), u16(flags), u16(method), u32(0, 0), fields),
    pickle(u16(name.length), u16(extra.length), u16(0), u16(0), u16(0), u32(0, wide ? 0xffffffff : offset), name),
    extra,
  ]);
}

/** The directory, and the records that lead to it. */
function zipEnd(
  directory: readonly Uint8Array[],
  offset: number,
  { wide, entries }: { wide: boolean; entries: number },
): Uint8Array {
  const size = concatenate(directory).length;
  const end64 = pickle("PK\x06\x06", u64(44), u16(45), u16(45), u32(0, 0), u64(entries, entries, size, offset));
  const locator = pickle("PK\x06\x07", u32(0), u64(offset + size), u32(1));
  const counts = wide
    ? [u16(0xffff), u16(0xffff), u32(0xffffffff, 0xffffffff)]
    : [u16(entries), u16(entries), u32(size, offset)];
  const end = pickle("PK\x05\x06", u16(0), u16(0), ...counts, u16(0));
  return concatenate([...directory, ...(wide ? [end64, locator] : []), end]);
}

/** Bytes and where in a file they stand; what is between them is a hole. */
export type Patch = readonly [position: number, bytes: Uint8Array];

/** An archive in 64-bit form whose entries are as long as their `size` says and begin with their `data`. */
export function sparseZip(parts: readonly ZipPart[]): readonly Patch[] {
  const patches: Patch[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const part of parts) {
    const start = concatenate([localHeader(part), part.data]);
    directory.push(directoryEntry(part, offset, true));
    patches.push([offset, start]);
    offset += start.length - part.data.length + sizesOf(part).size;
  }
  return [...patches, [offset, zipEnd(directory, offset, { wide: true, entries: parts.length })]];
}

/** A file of torch 1.6 or later. */
export const torchZip = (
  data: Uint8Array,
  storages: readonly ZipPart[] = [],
  { pickleMethod = 0, wide = false, entries = storages.length + 1 } = {},
): Uint8Array => zip([{ name: "archive/data.pkl", data, method: pickleMethod }, ...storages], { wide, entries });

export const storage = (key: string, bytes: number): ZipPart => ({
  name: `archive/data/${key}`,
  data: new Uint8Array(bytes).fill(7),
});

/** A file of torch before 1.6; `tail` is what follows the pickled value. */
export function torchLegacy(data: Uint8Array, ...tail: readonly Uint8Array[]): Uint8Array {
  const magic = pickle(0x80, 2, 0x8a, 10, [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19], ".");
  const platform = concatenate([pickle(0x80, 2, "}"), text("little_endian"), pickle(0x88, "s.")]);
  return concatenate([magic, pickle(0x80, 2, "M", u16(1001), "."), platform, data, ...tail]);
}

const u16 = (value: number): number[] => [value & 0xff, value >> 8];
const u32 = (...values: readonly number[]): number[] => values.flatMap(uint32);
export const u64 = (...values: readonly number[]): number[] => [
  ...new Uint8Array(BigUint64Array.from(values, BigInt).buffer),
];
