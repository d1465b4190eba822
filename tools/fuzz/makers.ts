import { deflateSync } from "node:zlib";
import { joined, type Parts, times } from "./build/bytes.ts";
import { chunk, header, npy, pixels, png, safetensors } from "./build/others.ts";
import { dictionary, legacyStorage, PICKLE, tensor, torchLegacy, torchZip } from "./build/torch.ts";
import { type ZipPart, zip } from "./build/zip.ts";
import { mutateBytes, mutateJson, NUMBERS, TEXTS } from "./mutate.ts";
import type { Random } from "./random.ts";

const WIDTHS = { F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4, I16: 2, I8: 1, U8: 1, BOOL: 1 } as const;
const product = (sizes: readonly number[]): number => sizes.reduce((count, size) => count * size, 1);
const keysOf = <T extends object>(table: T) => Object.keys(table) as (keyof T & string)[];

/** A safetensors file, most of them with something wrong. */
export function makeSafetensors(random: Random): Buffer {
  const described: Record<string, unknown> = {};
  let at = 0;
  for (let n = random.int(6); n > 0; n--) {
    const dtype = random.pick(keysOf(WIDTHS));
    const shape = times(random.int(4), () => random.int(4));
    const size = product(shape) * WIDTHS[dtype];
    described[random.chance(0.2) ? random.pick(TEXTS) : `t${n}`] = { dtype, shape, data_offsets: [at, at + size] };
    at += size;
  }
  if (random.chance(0.3)) described["__metadata__"] = { format: "pt" };
  let json = JSON.stringify(random.chance(0.7) ? mutateJson(described, random) : described) ?? "null";
  if (random.chance(0.1))
    json = json.replace(/\d+/, (digits) => random.pick([`${digits}.0`, `-${digits}`, `${digits}e400`]));
  if (random.chance(0.1)) json += " ".repeat(random.int(20));
  if (random.chance(0.05)) json = json.replace("}", `,"t1":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}`);
  const data = Buffer.alloc(Math.max(0, at + (random.chance(0.1) ? random.int(9) - 4 : 0)));
  const length = random.chance(0.05) ? BigInt(Math.trunc(Math.abs(random.pick(NUMBERS)))) : undefined;
  return sometimes(safetensors(json, data, length), 0.2, random);
}

const sometimes = (bytes: Buffer, probability: number, random: Random): Buffer =>
  random.chance(probability) ? mutateBytes(bytes, random) : bytes;

const STORAGES = { FloatStorage: 4, HalfStorage: 2, DoubleStorage: 8, LongStorage: 8, ByteStorage: 1 } as const;
const LIES = NUMBERS.filter((number) => Math.abs(number) < 2 ** 62).map(Math.trunc);

/** A file of torch.save, most of them with something wrong. */
export function makeTorch(random: Random): Buffer {
  const items: Record<string, Parts> = {};
  const storages: Record<string, Uint8Array | Partial<ZipPart>> = {};
  const legacy: Record<string, Parts> = {};
  const lie = (truth: number): number => (random.chance(0.08) ? random.pick(LIES) : truth);
  for (let n = 1 + random.int(3); n > 0; n--) {
    const type = random.pick(keysOf(STORAGES));
    const shape = times(random.int(3), () => 1 + random.int(4));
    const strides = shape.map((_, i) => product(shape.slice(i + 1)));
    const count = random.chance(0.6) ? product(shape) : random.int(40);
    const turned = random.chance(0.3) ? strides.toReversed() : strides;
    const named = random.chance(0.03) ? random.pick(["Storage", "__proto__", "UntypedStorage"]) : type;
    items[random.chance(0.1) ? random.pick(TEXTS) : `w${n}`] = tensor({
      ...{ key: `${n}`, elements: lie(count), shape: shape.map(lie), strides: turned.map(lie) },
      ...{ offset: lie(random.int(2)), type: named },
    });
    const bytes = Buffer.alloc(Math.max(0, (count + (random.chance(0.1) ? random.int(5) - 2 : 0)) * STORAGES[type]));
    storages[n] = random.chance(0.2) ? oddStorage(bytes, random) : bytes;
    legacy[n] = legacyStorage(random.chance(0.05) ? random.int(2 ** 31) : count, bytes);
  }
  const root = dictionary(items, random.chance(0.2) ? instructions(random) : []);
  const pickle = random.chance(0.5) ? mutateBytes(root, random) : root;
  const file = random.chance(0.5) ? torchLegacy(pickle, legacy) : torchZip(pickle, storages, zipLies(random));
  return sometimes(file, 0.4, random);
}

const oddStorage = (data: Uint8Array, random: Random): Partial<ZipPart> =>
  random.chance(0.5)
    ? { data, method: 8, ...(random.chance(0.3) ? { size: Math.max(0, data.length + random.int(9) - 4) } : {}) }
    : { data, flags: random.pick([1, 8, 0x800]), localName: random.pick(["x", "archive/data/1"]) };

const zipLies = (random: Random): Parameters<typeof torchZip>[2] => ({
  lies: {
    ...(random.chance(0.1) ? { wide: {} } : {}),
    ...(random.chance(0.05) ? { count: random.int(70_000) } : {}),
    ...(random.chance(0.05) ? { directoryOffset: random.int(2 ** 32) } : {}),
  },
  more: random.chance(0.1)
    ? [{ name: random.pick(["../x", "archive/byteorder", "archive/data.pkl", "b/data.pkl"]), data: Buffer.from("big") }]
    : [],
  entry: random.chance(0.1) ? { method: 8 } : {},
});

/** Instructions of which most fit. */
function instructions(random: Random): Parts {
  const { text, int, put, get, global, proto, longInt, ...plain } = PICKLE;
  const modules = ["torch", "collections", "builtins", "os", "torch._utils", "pytorch_lightning.x", "numpy"];
  const names = ["FloatStorage", "OrderedDict", "Size", "system", "list", "_rebuild_tensor_v2", "dtype"];
  return times(random.int(40), () =>
    random.pick<() => Parts>([
      ...Object.values(plain).map((bytes) => () => bytes),
      ...[
        () => text(random.pick(TEXTS)),
        () => int(random.int(300)),
        () => put(random.int(4)),
        () => get(random.int(4)),
      ],
      ...[() => global(random.pick(modules), random.pick(names)), () => Buffer.from([random.int(256)])],
      ...[() => longInt(random.int(40)), () => proto(random.int(6))],
    ])(),
  );
}

/** An archive of NumPy arrays, most of them with something wrong. */
export function makeNpz(random: Random): Buffer {
  const entries = times(1 + random.int(2), (i): ZipPart => {
    const type = random.pick(["<f8", "<f4", "|u1", "<f8", "|O", ">f8"]);
    const width = { "<f8": 8, "<f4": 4, "|u1": 1 }[type] ?? 8;
    const shape = times(random.int(3), () => (random.chance(0.05) ? random.pick(NUMBERS) : random.int(5)));
    const size = Math.min(4000, Math.abs(product(shape) * width) || 0) + (random.chance(0.1) ? random.int(9) : 0);
    const sizes = shape
      .map((count) => `${count}${random.chance(0.05) ? "L" : ""}`)
      .join(random.chance(0.9) ? ", " : " ");
    const array = npy(type, `${sizes},`, Buffer.alloc(size), random.chance(0.95) ? "False" : "True");
    return {
      name: random.chance(0.9) ? `a${i}.npy` : `${random.pick(TEXTS)}.npy`,
      data: sometimes(array, 0.3, random),
      ...(random.chance(0.3) ? { method: 8 } : {}),
      ...(random.chance(0.1) ? { size: random.int(5000) } : {}),
    };
  });
  return sometimes(zip(entries, random.chance(0.1) ? { wide: {} } : {}), 0.3, random);
}

const CHANNELS: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
const EXTRA_CHUNKS = ["tEXt", "zTXt", "iTXt", "iCCP", "tRNS", "pHYs", "acTL", "fcTL", "gAMA", "eXIf"];

/** A PNG, most of them with something wrong. */
export function makePng(random: Random): Buffer {
  const depth = random.pick([1, 2, 4, 8, 16, 8, 8, random.int(20)]);
  const colour = random.pick([0, 2, 3, 4, 6, 2, 2, random.int(8)]);
  const [width, height] = [random.chance(0.05) ? Math.abs(random.pick(LIES)) % 2 ** 32 : random.int(9), random.int(9)];
  const rowBytes = 1 + Math.ceil((width * (CHANNELS[colour] ?? 3) * depth) / 8);
  const size = height * rowBytes + (random.chance(0.2) ? random.int(20) - 10 : 0);
  const rows = Buffer.alloc(Math.min(100_000, Math.max(0, size)));
  for (let i = 0; i < Math.min(rows.length, 200); i++) rows[i] = random.chance(0.5) ? random.int(6) : random.int(256);
  const palette = chunk("PLTE", Buffer.alloc(random.int(10) * (random.chance(0.8) ? 3 : 1)));
  const chunks = [
    header(
      width,
      random.chance(0.05) ? random.int(40_000) : height,
      depth,
      colour,
      random.pick([0, 0, 1, random.int(3)]),
    ),
    ...(colour === 3 || random.chance(0.1) ? [palette] : []),
    ...(random.chance(0.3) ? [chunk(random.pick(EXTRA_CHUNKS), extra(random))] : []),
    random.chance(0.9) ? pixels(rows) : chunk("IDAT", mutateBytes(deflateSync(rows), random)),
  ];
  if (random.chance(0.1)) chunks.push(random.pick(chunks));
  return sometimes(png(chunks), 0.4, random);
}

const extra = (random: Random): Buffer =>
  random.pick([
    () => Buffer.from(`parameters\0${random.pick(TEXTS)}\nSteps: 1, a b: "x, y: z`),
    () => Buffer.from(`parameters\0\0\0\0\0${random.pick(TEXTS)}`),
    () => joined(Buffer.from("a\0\0"), deflateSync(Buffer.alloc(random.int(1000)))),
    () => mutateBytes(Buffer.alloc(random.int(40)), random),
  ])();
