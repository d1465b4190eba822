import { readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { fileSource } from "../../src/checkpoint/bytes/byte-sources/file.ts";
import { memorySource } from "../../src/checkpoint/bytes/byte-sources/memory.ts";
import type { CheckpointFile } from "../../src/checkpoint/checkpoint-file.ts";
import { memoryFiles } from "../../src/checkpoint/files/memory.ts";
import { nodeFiles } from "../../src/checkpoint/files/node.ts";
import { openCheckpoint } from "../../src/checkpoint/open-checkpoint.ts";
import { readSafetensors } from "../../src/checkpoint/safetensors/safetensors.ts";
import { type ConvertOptions, convertTorchFile } from "../../src/checkpoint/torch/convert-torch-file.ts";
import { fixturePath } from "../support/fixtures.ts";
import { temporaryFolder } from "./files.ts";
import { storage, type TensorParts, tensorPickle, torchZip } from "./torch-files.ts";

/** Type, shape and bytes of every tensor. */
async function contents({ weights }: CheckpointFile): Promise<Record<string, unknown>> {
  const entries = [...weights].map(async ([name, { dtype, shape, span }]) => {
    const bytes = await span.source.read(span.offset, span.length);
    return [name, { dtype, shape, bytes: Buffer.from(bytes).toString("hex") }] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

const expected = async () =>
  contents(await readSafetensors(await fileSource(fixturePath("original/pickle/expected.safetensors"))));

/** What a converted file holds; its folder must hold nothing else afterwards. */
async function converted(bytes: Uint8Array, options: ConvertOptions = {}): Promise<Record<string, unknown>> {
  const files = nodeFiles(temporaryFolder());
  await files.write("copy.safetensors", convertTorchFile(memorySource(bytes, "x.ckpt"), files, options));
  expect([...(await files.list())]).toEqual(["copy.safetensors"]);
  return contents(await readSafetensors(await files.open("copy.safetensors")));
}

/** `tensorPickle` of 2-byte integers that count from 0, and the elements in the order in which they come out. */
async function elements(
  tensor: TensorParts,
  count: number,
  pack = (data: Uint8Array) => ({ data }),
): Promise<number[]> {
  const data = new Uint8Array(Uint16Array.from({ length: count }, (_, i) => i).buffer);
  const part = { name: "archive/data/0", size: data.length, ...pack(data) };
  const file = torchZip(tensorPickle({ storage: "ShortStorage", elements: count, ...tensor }), [part]);
  const { w } = (await converted(file)) as { w: { bytes: string } };
  const bytes = Buffer.from(w.bytes, "hex");
  return Array.from({ length: bytes.length / 2 }, (_, i) => bytes.readUInt16LE(2 * i));
}

describe("convertTorchFile()", () => {
  test.each(["zip.pt", "legacy.pt"])("copies every tensor of %s as torch reads it", async (name) => {
    expect(await converted(readFileSync(fixturePath(`original/pickle/${name}`)))).toEqual(await expected());
  });

  test("puts a transposed tensor in order that is larger than what is read at once", async () => {
    const [rows, columns] = [3000, 6000]; // 18 million elements, in 9 chunks and 3 windows
    const found = await elements({ shape: [rows, columns], strides: [1, rows] }, rows * columns);
    const wrong = found.findIndex((value, i) => value !== (Math.floor(i / columns) + rows * (i % columns)) % 65536);
    expect(wrong).toBe(-1);
    expect(found).toHaveLength(rows * columns);
  });

  test("repeats what a tensor repeats, and keeps empty ones", async () => {
    expect(await elements({ shape: [2, 3], strides: [0, 1], offset: 1 }, 5)).toEqual([1, 2, 3, 1, 2, 3]);
    expect(await elements({ shape: [2, 0], strides: [0, 1] }, 5)).toEqual([]);
    expect(await elements({ shape: [], strides: [], offset: 4 }, 5)).toEqual([4]);
  });

  test("unpacks compressed entries, in order or not", async () => {
    const pack = (data: Uint8Array) => ({ data: new Uint8Array(deflateRawSync(data)), method: 8 });
    expect(await elements({ shape: [4], strides: [1], offset: 1 }, 5, pack)).toEqual([1, 2, 3, 4]);
    expect(await elements({ shape: [2, 2], strides: [1, 2] }, 4, pack)).toEqual([0, 2, 1, 3]);
  });

  test("reports how far it has come", async () => {
    const seen: unknown[] = [];
    const file = torchZip(tensorPickle(), [storage("0", 8)]);
    await converted(file, { onProgress: (progress) => seen.push(progress) });
    expect(seen).toEqual([{ written: 8, total: 8 }]);
  });

  const hostile: Readonly<Record<string, readonly [Uint8Array, string]>> = {
    "asks for more than its file could hold": [
      torchZip(tensorPickle({ shape: [2 ** 30, 2 ** 20], strides: [0, 0] }), [storage("0", 8)]),
      'Cannot convert "x.ckpt": its tensors would take 4503599627370496 bytes, for a file of',
    ],
    "unpacks to more than its file could hold": [
      torchZip(tensorPickle({ elements: 2 ** 29, shape: [1] }), [{ ...storage("0", 8), size: 2 ** 31, method: 8 }]),
      'Cannot convert "x.ckpt": its tensors would take 2147483648 bytes, for a file of',
    ],
    "unpacks to more than it says": [
      torchZip(tensorPickle(), [
        { name: "archive/data/0", data: deflateRawSync(new Uint8Array(2 ** 20)), size: 8, method: 8 },
      ]),
      'Cannot read "x.ckpt": its entry "archive/data/0" says 8 bytes and unpacks to more',
    ],
    "unpacks to less than it says": [
      torchZip(tensorPickle(), [
        { name: "archive/data/0", data: deflateRawSync(new Uint8Array(7)), size: 8, method: 8 },
      ]),
      'Cannot read "x.ckpt": its entry "archive/data/0" says 8 bytes and unpacks to 7',
    ],
    "is not packed as it says": [
      torchZip(tensorPickle(), [{ ...storage("0", 8), data: new Uint8Array(8).fill(0xff), method: 8 }]),
      'Cannot read "x.ckpt": its entry "archive/data/0" cannot be unpacked',
    ],
    "has a tensor by the name that safetensors keeps": [
      torchZip(tensorPickle({ name: "__metadata__" }), [storage("0", 8)]),
      'Cannot convert "x.ckpt": its tensors cannot be named in safetensors',
    ],
  };

  test.each(Object.entries(hostile))(
    "refuses a file that %s, and leaves nothing behind",
    async (_, [bytes, message]) => {
      const folder = temporaryFolder();
      const files = nodeFiles(folder);
      const conversion = files.write("copy", convertTorchFile(memorySource(bytes, "x.ckpt"), files));
      await expect(conversion).rejects.toThrow(message);
      expect(readdirSync(folder)).toEqual([]);
    },
  );

  test("leaves nothing behind when it is interrupted", async () => {
    const folder = temporaryFolder();
    const source = await fileSource(fixturePath("original/pickle/zip.pt"));
    const control = new AbortController();
    const onProgress = () => control.abort();
    const files = nodeFiles(folder);
    const conversion = convertTorchFile(source, files, { onProgress, signal: control.signal });
    const failure = await files.write("copy", conversion).catch((error: unknown) => error);
    expect(failure).toBe(control.signal.reason);
    expect(readdirSync(folder)).toEqual([]);
  });

  test("says what it cannot write", async () => {
    const source = await fileSource(fixturePath("original/pickle/zip.pt"));
    const folder = temporaryFolder({ taken: "" });
    const files = nodeFiles(folder);
    const conversion = files.write("taken/copy", convertTorchFile(source, files));
    await expect(conversion).rejects.toThrow(`Cannot write "${join(folder, "taken", "copy")}"`);
  });
});

describe("openCheckpoint()", () => {
  const ZIP = fixturePath("original/pickle/zip.pt");

  test("uses a file in place where it can", async () => {
    const cacheFolder = join(temporaryFolder(), "cache");
    for (const name of [
      "original/ldm/model.ckpt",
      "original/single/model.safetensors",
      "models/unet-bin/diffusion_pytorch_model.bin",
    ]) {
      const { weights } = await openCheckpoint(fixturePath(name), { cacheFolder });
      expect(new Set([...weights.values()].map(({ span }) => span.source.path))).toEqual(new Set([fixturePath(name)]));
    }
    expect(() => readdirSync(cacheFolder)).toThrow("ENOENT");
  });

  test("copies a file once where it cannot, and anew when the file has changed", async () => {
    const folder = temporaryFolder({ "model.pt": readFileSync(ZIP) });
    const cacheFolder = join(folder, "deep", "cache");
    let conversions = 0;
    const onProgress = ({ written, total }: { written: number; total: number }): void => {
      if (written === total) conversions++;
    };
    const open = () => openCheckpoint(join(folder, "model.pt"), { cacheFolder, onProgress });
    const first = await open();
    expect(await contents(first)).toEqual(await expected());
    expect(first.metadata).toMatchObject({ global_step: "470000" });
    expect(await contents(await open())).toEqual(await expected());
    expect(conversions).toBe(1);
    expect(readdirSync(cacheFolder)).toEqual([expect.stringMatching(/^model-[0-9a-f]{16}\.safetensors$/)]);
    writeFileSync(join(folder, "model.pt"), readFileSync(ZIP));
    utimesSync(join(folder, "model.pt"), 1, 1);
    await open();
    expect(conversions).toBe(2);
  });

  test("copies what lies in memory into memory, once", async () => {
    const cacheFolder = memoryFiles();
    const open = () => openCheckpoint(memorySource(readFileSync(ZIP), "model.pt"), { cacheFolder });
    expect(await contents(await open())).toEqual(await expected());
    const names = await cacheFolder.list();
    expect([...names]).toEqual([expect.stringMatching(/^model-[0-9a-f]{16}\.safetensors$/)]);
    await open();
    expect(await cacheFolder.list()).toEqual(names);
  });

  test("makes a copy again that is damaged", async () => {
    const cacheFolder = memoryFiles();
    const open = () => openCheckpoint(memorySource(readFileSync(ZIP), "model.pt"), { cacheFolder });
    const names = [...(await open()).weights.keys()];
    const [copy = ""] = await cacheFolder.list();
    const { size } = await cacheFolder.open(copy);
    for (const damaged of [new Uint8Array(), new Uint8Array(size), new Uint8Array(100).fill(255)]) {
      await cacheFolder.write(copy, [damaged]);
      expect([...(await open()).weights.keys()]).toEqual(names);
      expect((await cacheFolder.open(copy)).size).toBe(size);
    }
  });

  test("refuses such a file where it has no place for a copy", async () => {
    await expect(openCheckpoint(ZIP)).rejects.toThrow(/^Cannot use tensor "transposed" of .* in place/);
  });
});
