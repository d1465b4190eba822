import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Parts, times } from "../build/bytes.ts";
import { safetensors } from "../build/others.ts";
import { dictionary, tensor, torchZip } from "../build/torch.ts";
import { mutateBytes, mutateJson, TEXTS } from "../mutate.ts";
import type { Random } from "../random.ts";
import { SEPARATOR } from "../reader.ts";

type Maker = (random: Random) => Buffer;

const FIXTURES = fileURLToPath(new URL("../../../tests/fixtures", import.meta.url));
const ADAPTERS = join(FIXTURES, "adapters/sd15");

interface Stored {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Zeros where it is missing: they are of the size that the shape says. */
  readonly data?: Uint8Array;
}

interface StoredFile {
  readonly tensors: readonly Stored[];
  readonly metadata: unknown;
}

const BYTES: Readonly<Record<string, number>> = { F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4, U8: 1 };
const STORAGES: Readonly<Record<string, string>> = { F32: "FloatStorage", F16: "HalfStorage", I64: "LongStorage" };

const read = once((path: string): StoredFile => {
  const bytes = readFileSync(path);
  const begin = 8 + Number(bytes.readBigUInt64LE(0));
  const { __metadata__: metadata, ...entries } = JSON.parse(bytes.toString("utf8", 8, begin)) as Record<
    string,
    { readonly dtype: string; readonly shape: readonly number[]; readonly data_offsets: readonly [number, number] }
  >;
  const tensors = Object.entries(entries).map(
    ([
      name,
      {
        dtype,
        shape,
        data_offsets: [from, to],
      },
    ]) => ({
      ...{ name, dtype, shape, data: bytes.subarray(begin + from, begin + to) },
    }),
  );
  return { tensors, metadata };
});

function once<T>(find: (path: string) => T): (path: string) => T {
  const known = new Map<string, T>();
  return (path) => {
    const found = known.get(path) ?? find(path);
    known.set(path, found);
    return found;
  };
}

/** Files of weights in which some tensors have other names, shapes or types; headers and data go together. */
const changed =
  (paths: readonly string[]): Maker =>
  (random) => {
    const file = read(random.pick(paths));
    const tensors = [...file.tensors];
    for (let n = random.int(4); n > 0; n--) changeTensors(tensors, random);
    const prefix = random.chance(0.1) ? random.pick(PREFIXES) : "";
    const named = tensors.map((stored) => ({ ...stored, name: prefix + stored.name }));
    const bytes = random.chance(0.2) ? torchFile(named) : safetensorsFile(named, metadataOf(file.metadata, random));
    return random.chance(0.1) ? mutateBytes(bytes, random) : bytes;
  };

const PREFIXES = ["module.", "_orig_mod.", "module.module.", "first_stage_model.", "model.diffusion_model.", "x."];

const metadataOf = (own: unknown, random: Random): unknown =>
  random.chance(0.2)
    ? { lora_adapter_metadata: JSON.stringify(mutateJson({ "unet.r": 4, "unet.lora_alpha": 8 }, random)) }
    : random.chance(0.2)
      ? mutateJson(own ?? {}, random)
      : own;

function changeTensors(tensors: Stored[], random: Random): void {
  const i = random.int(tensors.length);
  const stored = tensors[i];
  if (stored === undefined) return;
  const { name, shape, dtype } = stored;
  switch (random.int(7)) {
    case 0:
      tensors.splice(i, 1);
      break;
    case 1:
      tensors[i] = { ...stored, name: random.pick(TEXTS) };
      break;
    case 2:
      tensors[i] = { ...stored, name: random.pick(tensors).name };
      break;
    case 3:
      tensors[i] = { ...stored, name: changedName(name, random) };
      break;
    case 4:
      tensors.push({ name: changedName(name, random), dtype, shape: changedShape(shape, random) });
      break;
    case 5:
      tensors[i] = { name, shape, dtype: random.pick(Object.keys(BYTES)) };
      break;
    default:
      tensors[i] = { name, dtype, shape: changedShape(shape, random) };
  }
}

const changedName = (name: string, random: Random): string =>
  random.pick([
    () => name.replace(/\d+/, () => String(random.int(300))),
    () => name.split(".").toReversed().join("."),
    () => name.split(".").slice(1).join("."),
    () => name.slice(0, random.int(name.length + 1)),
    () => `${name}.${name}`,
    () => name.toUpperCase(),
  ])();

/** Of a million numbers at most. */
function changedShape(shape: readonly number[], random: Random): readonly number[] {
  const sizes = shape.length === 0 ? [1] : [...shape];
  const i = random.int(sizes.length);
  const size = sizes[i] ?? 1;
  const made = random.pick([
    () => sizes.with(i, random.pick([0, 1, size + 1, size - 1, size * 2, size / 2, 3, 5])),
    () => sizes.toReversed(),
    () => [...sizes, 1],
    () => [1, ...sizes],
    () => sizes.filter((_, at) => at !== i),
    () => [],
    () => times(random.int(6), () => 1 + random.int(4)),
    () => [sizes.reduce((a, b) => a * b, 1)],
  ])();
  return made.every(Number.isInteger) && made.reduce((a, b) => a * b, 1) < 1e6 ? made : shape;
}

const dataOf = ({ data, shape, dtype }: Stored): Uint8Array =>
  data ?? Buffer.alloc(shape.reduce((a, b) => a * b, 1) * (BYTES[dtype] ?? 4));

function safetensorsFile(tensors: readonly Stored[], metadata: unknown): Buffer {
  const header: Record<string, unknown> = metadata === undefined ? {} : { __metadata__: metadata };
  const all: Uint8Array[] = [];
  let end = 0;
  for (const stored of new Map(tensors.map((each) => [each.name, each])).values()) {
    const data = dataOf(stored);
    Object.defineProperty(header, stored.name, {
      value: { dtype: stored.dtype, shape: stored.shape, data_offsets: [end, end + data.length] },
      ...{ enumerable: true, configurable: true, writable: true },
    });
    all.push(data);
    end += data.length;
  }
  return safetensors(header, Buffer.concat(all));
}

function torchFile(tensors: readonly Stored[]): Buffer {
  const kept = tensors.filter(({ dtype }) => dtype in STORAGES);
  const items = kept.map(({ name, shape, dtype }, i): [string, Parts] => {
    const strides = shape.map((_, at) => shape.slice(at + 1).reduce((a, b) => a * b, 1));
    const elements = shape.reduce((a, b) => a * b, 1);
    return [name, tensor({ key: `${i}`, elements, shape, strides, type: STORAGES[dtype] ?? "FloatStorage" })];
  });
  return torchZip(dictionary(Object.fromEntries(items)), Object.fromEntries(kept.map((each, i) => [i, dataOf(each)])));
}

const filesIn = (folder: string, below = ""): readonly string[] =>
  readdirSync(join(folder, below), { withFileTypes: true }).flatMap((entry) => {
    const path = below === "" ? entry.name : `${below}/${entry.name}`;
    return entry.isDirectory() ? filesIn(folder, path) : [path];
  });

/** Folders of whole models, of which one file is wrong. */
export const MODEL_FOLDERS = ["sd15", "sdxl", "ddpm"] as const;

/** The files of a model by their paths. */
export const modelFiles = once((model: string): Readonly<Record<string, Uint8Array>> => {
  const folder = join(FIXTURES, "pipelines", model, "model");
  return Object.fromEntries(filesIn(folder).map((path) => [path, readFileSync(join(folder, path))]));
});

const makeFolder: Maker = (random) => {
  const model = random.pick(MODEL_FOLDERS);
  const path = random.pick(Object.keys(modelFiles(model)));
  const own = modelFiles(model)[path] ?? new Uint8Array();
  const make = (): Buffer => {
    if (path.endsWith(".safetensors")) return changed([join(FIXTURES, "pipelines", model, "model", path)])(random);
    if (!path.endsWith(".json") || random.chance(0.2)) return mutateBytes(own, random);
    return Buffer.from(JSON.stringify(mutateJson(JSON.parse(new TextDecoder().decode(own)), random)) ?? "null");
  };
  return Buffer.concat([Buffer.from(`${model}/${path}${SEPARATOR}`), make()]);
};

const adapters = (...names: readonly string[]): readonly string[] => names.map((name) => join(ADAPTERS, name));
const weights = (folder: string): string => `${folder}/diffusion_pytorch_model.safetensors`;

/** The tensors of a model's own autoencoder and of tiny ones. */
export const NETWORKS = {
  lora: changed(
    adapters(...["kohya", "lora", "peft", "locon", "loha", "lokr", "dora"].map((name) => `${name}.safetensors`)),
  ),
  embedding: changed(adapters("embedding-a1111.safetensors", "learned_embeds.safetensors")),
  "vae-file": changed([...adapters(weights("vae")), join(FIXTURES, "pipelines/sd15/model", weights("vae"))]),
  "taesd-file": changed([join(FIXTURES, "models/taesd/diffusion_pytorch_model.safetensors")]),
  "control-file": changed(
    adapters(weights("controlnet-0"), "controlnet-0-original.safetensors", weights("t2i-adapter")),
  ),
  "single-file": changed([join(FIXTURES, "original/single/model.safetensors")]),
  "model-folder": makeFolder,
} as const satisfies Readonly<Record<string, Maker>>;
