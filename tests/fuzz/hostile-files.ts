import { deflateRawSync, deflateSync } from "node:zlib";
import { joined, times } from "../../tools/fuzz/build/bytes.ts";
import { chunk, header, npy, pixels, png, safetensors } from "../../tools/fuzz/build/others.ts";
import {
  dictionary,
  legacyStorage,
  PICKLE as P,
  storage,
  tensor,
  torchLegacy,
  torchZip,
} from "../../tools/fuzz/build/torch.ts";
import { zip } from "../../tools/fuzz/build/zip.ts";
import type { ReaderName } from "../../tools/fuzz/cases.ts";
import { CONFIGS } from "../../tools/fuzz/configs.ts";

const MIB = 2 ** 20;
const zeros = (bytes: number): Buffer => deflateRawSync(Buffer.alloc(bytes), { level: 9 });
const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
const [UNET] = CONFIGS.unet;
const unet = (changes: object): Buffer => json({ ...UNET, ...changes });
const float = legacyStorage(1, Buffer.alloc(4));
const names = (count: number) => times(count, (i) => [P.text(`k${i}`), P.none]);

/** Many tensors of four elements at both ends of one storage. */
function scattered(tensors: number): Buffer {
  const count = 2 ** 22;
  const far = tensor({ elements: count, shape: [2, 2], strides: [1, count / 2] });
  const items = Object.fromEntries(times(tensors, (i) => [`t${i}`, far]));
  return torchLegacy(dictionary(items), { 0: legacyStorage(count, Buffer.alloc(4 * count)) });
}

/** Arrays that say they are large, in an archive of a few kilobytes each. */
function npzBomb(arrays: number, bytes: number): Buffer {
  const array = npy("<f8", `${bytes / 8},`, new Uint8Array());
  const raw = deflateRawSync(Buffer.concat([array, Buffer.alloc(bytes)]), { level: 9 });
  return zip(times(arrays, (i) => ({ name: `a${i}.npy`, method: 8, raw, size: array.length + bytes })));
}

/** Files that ask for more than their size is worth, by the reader that they are for and what it must say. */
export const HOSTILE: Readonly<Record<string, readonly [ReaderName, () => Uint8Array, said: RegExp | "read"]>> = {
  "a picture's text that repeats letters without end": [
    "like",
    () => {
      const settings = `Steps: 1, Seed: 1, Size: 8x8, ControlNet 0: "${"a".repeat(500_000)}"`;
      return png(header(1, 1), chunk("tEXt", Buffer.from(`parameters\0x\n${settings}`)), pixels(Buffer.alloc(4)));
    },
    "read",
  ],
  "a LoRA of digits in a picture's text": [
    "like",
    () => {
      const settings = `Steps: 1, Seed: 1, Size: 8x8, Lora 0: "a:${"1".repeat(500_000)}x"`;
      return png(header(1, 1), chunk("tEXt", Buffer.from(`parameters\0x\n${settings}`)), pixels(Buffer.alloc(4)));
    },
    "read",
  ],
  "a LoRA with an ending thousands of times in a picture's text": [
    "like",
    () => {
      const settings = `Steps: 1, Seed: 1, Size: 8x8, Lora 0: "${".ckpt:".repeat(100_000)}x"`;
      return png(header(1, 1), chunk("tEXt", Buffer.from(`parameters\0x\n${settings}`)), pixels(Buffer.alloc(4)));
    },
    /Cannot repeat "CASE" with its LoRAs/,
  ],
  "nothing but blanks in a prompt with weights": ["prompt-weights", () => Buffer.alloc(500_000, " "), "read"],
  "brackets without end in a prompt with weights": [
    "prompt-weights",
    () => Buffer.from("a(".repeat(250_000)),
    /it has 251 brackets inside one another, at most 250 are read/,
  ],
  "a picture of blanks in a request": [
    "request",
    () => Buffer.from(`POST /sdapi/v1/png-info application/json\u0001{"image":"${" ".repeat(60_000)}!"}`),
    "read",
  ],
  "a name of wrappers alone": [
    "lora",
    () =>
      safetensors({ ["module.".repeat(20_000)]: { dtype: "F32", shape: [], data_offsets: [0, 4] } }, float.subarray(8)),
    /it has no tensors of a LoRA, LoHa or LoKr but others, such as "module[^ ]{1,300}$/,
  ],
  "a dictionary, thousands of times in a list": [
    "torch",
    () =>
      torchLegacy(
        joined(
          ...[P.proto(), P.emptyDict, P.put(0), P.mark, names(4000), P.setItems, P.pop, P.emptyList, P.mark],
          ...[times(4000, () => P.get(0)), P.appends, P.stop],
        ),
      ),
    /it has 16000000 names, at most 200000 are read/,
  ],
  "one long text, thousands of times beside the tensors": [
    "torch",
    () =>
      torchLegacy(
        joined(
          ...[
            P.proto(),
            P.emptyDict,
            P.mark,
            P.text("state_dict"),
            dictionary({ a: tensor({ elements: 1, shape: [1], strides: [1] }) }).subarray(2, -1),
          ],
          ...[P.text("k"), P.text("x".repeat(100_000)), P.put(1), times(300, (i) => [P.text(`k${i}`), P.get(1)])],
          ...[P.setItems, P.stop],
        ),
        { 0: float },
      ),
    /its names have \d+ characters, at most 16777216 are read/,
  ],
  "thousands of whole numbers of a thousand bytes": [
    "torch",
    () =>
      torchLegacy(
        joined(
          P.proto(),
          P.emptyList,
          P.mark,
          times(31_000, () => P.longInt(1024)),
          P.appends,
          P.stop,
        ),
      ),
    /it takes more than 2000000 steps/,
  ],
  "a tensor that is its own shape": [
    "torch",
    () => {
      const shape = [P.emptyList, P.put(0), P.get(0), P.append];
      const built = [P.global("torch._utils", "_rebuild_tensor_v2"), P.mark, storage("0", 1), P.int(0), shape];
      return torchLegacy(dictionary({ a: [built, P.emptyTuple, P.tuple, P.reduce] }), { 0: float });
    },
    /builds a tensor from something else/,
  ],
  "one number as a large tensor": [
    "convert",
    () => torchLegacy(dictionary({ a: tensor({ elements: 1, shape: [4096, 4096], strides: [0, 0] }) }), { 0: float }),
    /its tensors would take 67108864 bytes/,
  ],
  "elements at both ends of a file, a thousand times": ["convert", () => scattered(1000), "read"],
  "elements at both ends of a file, twenty thousand times": [
    "convert",
    () => scattered(20_000),
    /the elements of its tensors lie too far apart/,
  ],
  "a pickle that unpacks to more than it says": [
    "torch",
    () => torchZip(Buffer.alloc(0), {}, { entry: { method: 8, raw: zeros(64 * MIB), size: 100 } }),
    /says 100 bytes and unpacks to more/,
  ],
  "arrays that unpack to a gigabyte": [
    "npz",
    () => npzBomb(8, 128 * MIB),
    /unpacks to \d+ bytes, at most|has 16777216 numbers|unpacks to/,
  ],
  "an array of more numbers than statistics have": ["npz", () => npzBomb(1, 256 * MIB), /at most 16777216 are read/],
  "pixels that unpack to more than there are": [
    "png",
    () => png(header(1, 1), chunk("IDAT", deflateSync(Buffer.alloc(128 * MIB), { level: 9 }))),
    /damaged or cut off/,
  ],
  "rows of two gigabytes": [
    "png",
    () => png(header(16_384, 16_384, 16, 6), chunk("IDAT", Buffer.alloc(2 * MIB + 500_000))),
    /damaged or cut off/,
  ],
  "a colour profile that unpacks to 128 megabytes": [
    "png",
    () => {
      const profile = joined(Buffer.from("x\0\0"), deflateSync(Buffer.alloc(128 * MIB), { level: 9 }));
      return png(header(1, 1), chunk("iCCP", profile), pixels(Buffer.alloc(4)));
    },
    "read",
  ],
  "a hundred thousand letters where settings are expected": [
    "parameters",
    () => Buffer.from("a".repeat(200_000)),
    "read",
  ],
  "blanks and letters in turn where settings are expected": [
    "parameters",
    () => Buffer.from("a ".repeat(100_000)),
    "read",
  ],
  "a setting whose quote does not end": ["parameters", () => Buffer.from(`aa: "${"\\a".repeat(100_000)}`), "read"],
  "thousands of keys in YAML": [
    "yaml-ldm",
    () => Buffer.from(times(90_000, (i) => `k${i}: 1`).join("\n")),
    /it has 888889 bytes, at most 65536 are read/,
  ],
  "as many keys as YAML may have": [
    "yaml-ldm",
    () => Buffer.from(times(7000, (i) => `k${i}: 1`).join("\n")),
    /"model" is missing/,
  ],
  "aliases of aliases in YAML": [
    "yaml-ldm",
    () =>
      Buffer.from(
        `a: &a [x]\n${times(30, (i) => `b${i}: &b${i} [${times(9, () => (i === 0 ? "*a" : `*b${i - 1}`))}]`).join("\n")}`,
      ),
    /it uses aliases too often, at most 100 are read/,
  ],
  "brackets within brackets in YAML": [
    "yaml-ldm",
    () => Buffer.from(`a: ${"[".repeat(20_000)}`),
    /is not YAML|too deeply/,
  ],
  "brackets within brackets in JSON": [
    "unet",
    () => Buffer.from(`{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}`),
    /it is JSON of 100001 brackets inside one another/,
  ],
  "quotes that never end in a scheduler's config": [
    "scheduler",
    () => Buffer.from(`{"a":"${'\\"'.repeat(400_000)}`),
    /it is not JSON/,
  ],
  "a header of brackets": [
    "safetensors",
    () => safetensors(`{"a":${"[".repeat(2_500_000)}${"]".repeat(2_500_000)}}`),
    /it is JSON of 5000003 marks, at most 4000000 are read/,
  ],
  "layers without end": ["unet", () => unet({ layers_per_block: 1e9 }), /"layers_per_block" is 1000000000/],
  "layers and levels without end": [
    "unet",
    () => unet({ layers_per_block: 100, transformer_layers_per_block: 100 }),
    /at most 64 residual blocks in all/,
  ],
  "levels without end": [
    "unet",
    () => unet({ block_out_channels: times(2000, () => 64) }),
    /a list of at most 16 whole numbers/,
  ],
  "more shards than there are processes": [
    "evaluation",
    () =>
      json({
        ...{ format: 1, version: "0", count: 2, batch: 1, seed: 0, rows: {}, policies: [], metrics: [], options: {} },
        shard: { index: 1, of: 4e9 },
      }),
    /"shard.of" is 4000000000 where a whole number from 1 to 10000 is required/,
  ],
};
