import { joined, type Parts, u16, u32, u64 } from "./bytes.ts";
import { type ZipLies, type ZipPart, zip } from "./zip.ts";

const op = (text: string): Buffer => Buffer.from(text, "latin1");

/** Instructions of a pickle. */
export const PICKLE = {
  proto: (version = 2) => Buffer.from([0x80, version]),
  ...{ stop: op("."), mark: op("("), pop: op("0"), popMark: op("1"), dup: op("2"), none: op("N"), yes: op("\x88") },
  ...{ no: op("\x89"), emptyList: op("]"), append: op("a"), appends: op("e"), list: op("l"), emptyTuple: op(")") },
  ...{ tuple: op("t"), tuple1: op("\x85"), tuple2: op("\x86"), tuple3: op("\x87"), emptyDict: op("}") },
  ...{ setItem: op("s"), setItems: op("u"), memoize: op("\x94"), persistent: op("Q"), reduce: op("R") },
  ...{ newObject: op("\x81"), build: op("b"), stackGlobal: op("\x93") },
  int(value: number): Buffer {
    if (value >= 0 && value < 256) return Buffer.from([0x4b, value]);
    if (value >= 0 && value < 65_536) return joined(op("M"), u16(value));
    if (value >= -(2 ** 31) && value < 2 ** 31) return joined(op("J"), u32(value));
    return joined(Buffer.from([0x8a, 8]), u64(BigInt(Math.trunc(value))));
  },
  /** A whole number of so many bytes. */
  longInt: (bytes: number) => joined(op("\x8b"), u32(bytes), Buffer.alloc(bytes, 0x77)),
  text(value: string): Buffer {
    const bytes = Buffer.from(value);
    return joined(op("X"), u32(bytes.length), bytes);
  },
  global: (module: string, name: string) => op(`c${module}\n${name}\n`),
  put: (index: number) => joined(op("r"), u32(index)),
  get: (index: number) => (index < 256 ? Buffer.from([0x68, index]) : joined(op("j"), u32(index))),
} as const;

const P = PICKLE;

/** A storage that lies outside of the pickle. */
export const storage = (key: string, elements: number, type = "FloatStorage"): Buffer =>
  joined(
    P.mark,
    P.text("storage"),
    P.global("torch", type),
    P.text(key),
    P.text("cpu"),
    P.int(elements),
    P.tuple,
    P.persistent,
  );

/** A tensor as torch saves it. */
export interface TensorParts {
  readonly key?: string;
  readonly elements: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly offset?: number;
  readonly type?: string;
}

/** The instructions that make a tensor. */
export function tensor({ key = "0", elements, shape, strides, offset = 0, type }: TensorParts): Buffer {
  const counts = (values: readonly number[]): Parts => [P.mark, values.map((value) => P.int(value)), P.tuple];
  const hooks = [P.global("collections", "OrderedDict"), P.emptyTuple, P.reduce];
  return joined(
    P.global("torch._utils", "_rebuild_tensor_v2"),
    P.mark,
    storage(key, elements, type),
    P.int(offset),
    ...[counts(shape), counts(strides), P.no, hooks, P.tuple, P.reduce],
  );
}

/** The pickle of a dictionary. */
export const dictionary = (items: Readonly<Record<string, Parts>>, more: Parts = []): Buffer<ArrayBuffer> =>
  joined(
    P.proto(),
    P.emptyDict,
    P.mark,
    Object.entries(items).map(([name, value]) => [P.text(name), value]),
    ...[P.setItems, more, P.stop],
  );

/** A file of torch 1.6 and later. */
export const torchZip = (
  pickle: Uint8Array,
  storages: Readonly<Record<string, Uint8Array | Partial<ZipPart>>> = {},
  { lies, more = [], entry = {} }: { lies?: ZipLies; more?: readonly ZipPart[]; entry?: Partial<ZipPart> } = {},
): Buffer<ArrayBuffer> =>
  zip(
    [
      { name: "archive/data.pkl", data: pickle, ...entry },
      ...Object.entries(storages).map(([key, value]) => ({
        name: `archive/data/${key}`,
        ...(value instanceof Uint8Array ? { data: value } : value),
      })),
      ...more,
      { name: "archive/version", data: op("3\n") },
    ],
    lies,
  );

const MAGIC = Buffer.from([0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19]);

/** A file of torch before 1.6: `root` is the pickle, `storages` lie behind it in the order of their keys. */
export function torchLegacy(root: Parts, storages: Readonly<Record<string, Parts>> = {}): Buffer<ArrayBuffer> {
  const platform = [P.mark, P.text("protocol_version"), P.int(1001), P.text("little_endian"), P.yes, P.setItems];
  const keys = Object.keys(storages).map((key) => P.text(key));
  return joined(
    ...[P.proto(), MAGIC, P.stop, P.proto(), P.int(1001), P.stop, P.proto(), P.emptyDict, platform, P.stop, root],
    ...[P.proto(), P.emptyList, P.mark, keys, P.appends, P.stop, Object.values(storages)],
  );
}

/** A storage of a file of torch before 1.6. */
export const legacyStorage = (elements: number, bytes: Uint8Array): Buffer => joined(u64(elements), bytes);
