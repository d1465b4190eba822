import { deflateRawSync } from "node:zlib";
import type { ByteSource } from "../../src/checkpoint/bytes/byte-source.ts";
import { memorySource } from "../../src/checkpoint/bytes/byte-sources/memory.ts";
import { joinPieces } from "../../src/checkpoint/bytes/join-pieces.ts";
import { memoryFiles } from "../../src/checkpoint/files/memory.ts";
import { openNpz } from "../../src/checkpoint/numpy/npz.ts";
import { readSafetensors } from "../../src/checkpoint/safetensors/safetensors.ts";
import { parseJsonText } from "../../src/checkpoint/text/json.ts";
import { readJsonFile } from "../../src/checkpoint/text/json-file.ts";
import { readYamlFile } from "../../src/checkpoint/text/yaml-file.ts";
import { convertTorchFile } from "../../src/checkpoint/torch/convert-torch-file.ts";
import { readTorchFile } from "../../src/checkpoint/torch/torch-file.ts";
import { readZipDirectory } from "../../src/checkpoint/torch/zip.ts";
import { parseSchedulerConfig } from "../../src/diffusion/scheduler-config.ts";
import type { LIMITS } from "../../src/errors/limits.ts";
import { readSettings } from "../../src/evaluation/store/settings.ts";
import { checkPixelData } from "../../src/image/codecs/png-pixels.ts";
import { formatParameters } from "../../src/image/parameters.ts";
import { decodePng } from "../../src/image/png.ts";
import { readImageInput } from "../../src/image/read-image.ts";
import { clipTextConfig } from "../../src/models/clip/clip-text.ts";
import { configReader } from "../../src/models/config-reader.ts";
import { unetConfig } from "../../src/models/unet/unet-config.ts";
import { readBody } from "../../src/server/guard/body.ts";
import { checkLimits, REQUEST_LIMITS } from "../../src/server/guard/limits.ts";
import { decodeBytes } from "../../src/server/pictures/decode.ts";
import { inProcessQueue } from "../../src/server/queue/queues/in-process.ts";
import { loadClipTokenizer } from "../../src/tokenizer/clip-tokenizer.ts";
import { parsePromptWeights } from "../../src/tokenizer/prompt-weights.ts";
import { joined, type Parts, times, u64 } from "../../tools/fuzz/build/bytes.ts";
import { chunk, header, npy, pixels, png, safetensors } from "../../tools/fuzz/build/others.ts";
import { dictionary, legacyStorage, PICKLE as P, tensor, torchLegacy, torchZip } from "../../tools/fuzz/build/torch.ts";
import { zip } from "../../tools/fuzz/build/zip.ts";
import { CONFIGS } from "../../tools/fuzz/configs.ts";

/** Asks for `count` of what a limit counts: reads it, or refuses it. */
type Edge = (count: number) => unknown;

const source = (bytes: Uint8Array): ByteSource => memorySource(bytes, "file");
const [UNET] = CONFIGS.unet;
const [TEXT] = CONFIGS.clip;
const unet = (changes: object) => unetConfig({ ...UNET, ...changes });
const torch = (...root: readonly Parts[]) => readTorchFile(source(torchLegacy(joined(P.proto(), ...root, P.stop))));
const tensorOf = (elements: number) => tensor({ elements, shape: [elements], strides: [1] });

/** A file of which nothing but its size is there: reading it says that it is not too large. */
const vast = (size: number, start = new Uint8Array()): ByteSource => ({
  name: "file",
  size,
  async read(offset, length) {
    if (offset + length <= start.length) return start.subarray(offset, offset + length);
    throw new Error("not too large");
  },
});

const ignoring =
  (message: RegExp, edge: Edge): Edge =>
  async (count) => {
    try {
      await edge(count);
    } catch (error) {
      if (!message.test(String(error))) throw error;
    }
  };

function settings(changes: object) {
  const counts = {
    format: 1,
    version: "0",
    count: 1,
    batch: 1,
    seed: 0,
    rows: {},
    policies: [],
    metrics: [],
    options: {},
  };
  const bytes = Buffer.from(JSON.stringify({ ...counts, ...changes }));
  return readSettings({ read: () => bytes, size: () => bytes.length, write() {}, append() {}, truncate() {} });
}

/** A tokenizer whose first pieces and merges are few and whose others are none. */
const tokenizer = (more: object) =>
  loadClipTokenizer({
    vocab: { "<|startoftext|>": 0, "<|endoftext|>": 1, a: 2, aa: 3 },
    merges: "",
    ...more,
  });

const deflated = (bytes: number) => {
  const start = npy("<f8", `${bytes / 8},`, new Uint8Array());
  return {
    method: 8,
    raw: deflateRawSync(joined(start, Buffer.alloc(bytes)), { level: 1 }),
    size: start.length + bytes,
  };
};

/** What is at the edge of every limit: its most is read, one more is refused. */
export const EDGES: {
  readonly [Format in keyof typeof LIMITS]: Readonly<Record<keyof (typeof LIMITS)[Format], Edge>>;
} = {
  safetensors: {
    headerBytes: ignoring(/not too large/, (count) => readSafetensors(vast(count + 8, new Uint8Array(u64(count))))),
    tensors: (count) => {
      const entry = '{"dtype":"F32","shape":[0],"data_offsets":[0,0]}';
      return readSafetensors(source(safetensors(`{${times(count, (i) => `"${i}":${entry}`).join()}}`)));
    },
    dimensions: (count) =>
      readSafetensors(
        source(
          safetensors({ a: { dtype: "F32", shape: times(count, () => 1), data_offsets: [0, 4] } }, Buffer.alloc(4)),
        ),
      ),
  },
  json: {
    bytes: ignoring(/not too large/, (count) => readJsonFile(vast(count))),
    marks: (count) =>
      parseJsonText(`[${",0".repeat(count - 2).slice(1)}${count > 2 ? ",0" : ""}]`.replace("[,", "["), "text"),
    depth: (count) => parseJsonText("[".repeat(count) + "]".repeat(count), "text"),
  },
  yaml: {
    bytes: (count) => readYamlFile(source(Buffer.from(`a: 1${" ".repeat(count - 4)}`))),
    aliases: (count) => readYamlFile(source(Buffer.from(`a: &a [1]\nb: [${times(count - 1, () => "*a")}]`))),
  },
  torch: {
    pickleBytes: (count) => torchZipOf(count),
    steps: ignoring(/holds tensors by name/, (count) =>
      torch(
        P.none,
        times(Math.floor((count - 3) / 2), () => [P.none, P.pop]),
      ),
    ),
    integerBytes: ignoring(/holds tensors by name/, (count) => torch(P.longInt(count))),
    names: ignoring(/holds tensors by name/, (count) =>
      torch(
        P.emptyList,
        P.mark,
        P.emptyDict,
        P.mark,
        times(count, (i) => [P.int(i), P.none]),
        P.setItems,
        P.appends,
      ),
    ),
    characters: (count) =>
      readTorchFile(
        source(torchLegacy(dictionary({ ["x".repeat(count)]: tensorOf(1) }), { 0: legacyStorage(1, Buffer.alloc(4)) })),
      ),
    growth: (count) => convertExpanded(count),
    gathering: (count) => convertScattered(count),
  },
  zip: {
    directoryBytes: ignoring(/not too large/, (count) => readZipDirectory(vastZip({ directorySize: count }))),
    entries: ignoring(/not too large/, (count) => readZipDirectory(vastZip({ entries: count }))),
  },
  npz: {
    arrays: (count) =>
      openNpz(source(zip(times(count, (i) => ({ name: `${i}.npy`, data: npy("<f8", "0,", new Uint8Array()) }))))),
    inflatedBytes: async (count) => {
      const file = zip([{ name: "a.npy", ...deflated(count - 128) }]);
      await (await openNpz(source(file))).get("a")?.read(0, 1);
    },
    numbers: async (count) => {
      const file = zip([{ name: "a.npy", data: npy("|u1", `${count},`, Buffer.alloc(count)) }]);
      await (await openNpz(source(file))).get("a")?.values();
    },
  },
  png: {
    pixels: ignoring(/damaged/, (count) => decodePng(png(header(count, 1)))),
    rowBytes: (count) => checkPixelData(png(header(count - 1, 1, 8, 0), pixels(Buffer.alloc(count)))),
    inflation: ignoring(/invalid zlib data/, (count) =>
      checkPixelData(png(header(count * 500_000 - 1, 1, 8, 0), chunk("IDAT", Buffer.alloc(500_000)))),
    ),
    side: (count) => readImageInput(png(header(count, 1, 1, 0), pixels(Buffer.alloc(1 + Math.ceil(count / 8))))),
    nameCharacters: (count) => formatParameters({ prompt: "", settings: { ["a".repeat(count)]: 1 } }),
  },
  config: {
    count: (count) => configReader({ n: count }, "x").integer("n"),
    levels: (count) => configReader({ n: times(count, () => 1) }, "x").integers("n"),
    layers: (count) => clipTextConfig({ ...TEXT, num_hidden_layers: count }),
    residualBlocks: (count) => unet({ layers_per_block: [1, (count - 4) / 2], transformer_layers_per_block: 1 }),
    transformerBlocks: (count) => unet({ transformer_layers_per_block: [(count - 2) / 3, 2] }),
    positions: (count) => clipTextConfig({ ...TEXT, max_position_embeddings: count }),
  },
  scheduler: {
    bytes: (count) => parseSchedulerConfig(`{"_class_name":"DDIMScheduler"}${" ".repeat(count - 31)}`),
    timesteps: (count) => parseSchedulerConfig(`{"_class_name":"DDIMScheduler","num_train_timesteps":${count}}`),
  },
  tokenizer: {
    tokens: (count) => tokenizer({ merges: "a a\n".repeat(count) }),
    positions: (count) => tokenizer({ config: { model_max_length: count } }),
    brackets: (count) => parsePromptWeights(`${"[(".repeat(count / 2)}${"[".repeat(count % 2)}a`),
  },
  evaluation: {
    shards: (count) => settings({ shard: { index: 1, of: count } }),
    batch: (count) => settings({ batch: count }),
    images: (count) => settings({ count }),
  },
  server: {
    bodyBytes: (count) =>
      readBody(
        new Request("http://a/", { method: "POST", headers: { "content-length": `${count}` }, body: "" }),
        REQUEST_LIMITS.bodyBytes,
      ),
    characters: (count) => checkLimits({ options: { prompt: "x".repeat(count) } }, REQUEST_LIMITS),
    pictures: (count) => checkLimits({ options: { prompt: "a fox", count } }, REQUEST_LIMITS),
    pixels: (count) => checkLimits({ options: { width: count, height: 1 } }, REQUEST_LIMITS),
    steps: (count) => checkLimits({ options: { steps: count } }, REQUEST_LIMITS),
    priority: (count) => checkLimits({ options: {}, priority: count }, REQUEST_LIMITS),
    picturePixels: ignoring(/damaged/, (count) =>
      decodeBytes(png(header(count, 1)), { field: "image", mostPixels: REQUEST_LIMITS.picturePixels }),
    ),
    adapters: (count) => checkLimits({ options: { loras: times(count, () => "style") } }, REQUEST_LIMITS),
    waiting: (count) => waiting(count, (i) => `key ${i}`),
    waitingOfOne: (count) => waiting(count, () => "key"),
    waitingBytes: async (count) => {
      await using queue = inProcessQueue({ work: async () => ({}) as never });
      await queue.submit({ model: "a", options: { image: { data: { byteLength: count } } }, owner: "key" });
    },
    keptBytes: async (count) => {
      await using queue = inProcessQueue({ work: async () => ({ pictures: [{ png: { length: count } }] }) as never });
      const id = await queue.submit({ model: "a", options: {}, owner: "key" });
      for await (const _ of queue.events(id));
      if ((await queue.find(id)) === undefined) throw new Error("Cannot keep more than that");
    },
  },
};

const torchZipOf = ignoring(/ends early|opcode/, (count) => readTorchFile(source(torchZip(Buffer.alloc(count)))));

/** One number as `times` the size of its file, and 16 MiB. */
async function convertExpanded(growth: number): Promise<void> {
  const make = (elements: number) =>
    torchLegacy(dictionary({ a: tensor({ elements: 1, shape: [elements], strides: [0] }) }), {
      0: legacyStorage(1, Buffer.alloc(4)),
    });
  const { length } = make(2 ** 22);
  const most = growth * length + 16 * 2 ** 20;
  await joinPieces(convertTorchFile(source(make(Math.floor(most / 4))), memoryFiles()));
}

/** Tensors that take the whole of a file to be put in order, each of which counts as 64 KiB for each end. */
async function convertScattered(gathering: number): Promise<void> {
  const elements = 2 ** 23 + 4;
  const far = tensor({ elements, shape: [2, 2], strides: [1, 2 ** 23] });
  const make = (tensors: number) =>
    torchLegacy(
      joined(
        P.proto(),
        P.emptyDict,
        P.mark,
        P.text("t"),
        far,
        P.put(0),
        times(tensors - 1, (i) => [P.text(`t${i}`), P.get(0)]),
        P.setItems,
        P.stop,
      ),
      {
        0: legacyStorage(elements, Buffer.alloc(4 * elements)),
      },
    );
  const size = make(1).length;
  const reads = Math.floor((gathering * size + 256 * 2 ** 20) / (2 * 64 * 1024));
  await joinPieces(convertTorchFile(source(make(reads)), memoryFiles()));
}

/** A queue in which one job runs for ever and `count` wait. */
async function waiting(count: number, ownerOf: (job: number) => string): Promise<void> {
  const queue = inProcessQueue({ work: () => new Promise(() => {}) });
  for (const job of [-1, ...times(count, (i) => i)]) {
    await queue.submit({ model: "a", options: {}, owner: ownerOf(job) });
  }
}

/** A zip archive that ends as one of some entries does; its directory is not there. */
function vastZip({
  directorySize = 100,
  entries = 1,
}: {
  readonly directorySize?: number;
  readonly entries?: number;
}): ByteSource {
  const end = zip([], { wide: { count: BigInt(entries), offset: 0n, place: BigInt(directorySize) } });
  const view = Buffer.from(end);
  view.writeBigUInt64LE(BigInt(directorySize), 40);
  const size = directorySize + view.length;
  return {
    name: "file",
    size,
    async read(offset, length) {
      if (offset >= directorySize) return view.subarray(offset - directorySize, offset - directorySize + length);
      if (offset + length > directorySize) {
        const bytes = Buffer.alloc(length);
        view.copy(bytes, directorySize - offset);
        return bytes;
      }
      throw new Error("not too large");
    },
  };
}
