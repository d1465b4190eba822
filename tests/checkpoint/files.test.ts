import { readdirSync, realpathSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { fileSource } from "../../src/checkpoint/bytes/byte-sources/file.ts";
import { memorySource } from "../../src/checkpoint/bytes/byte-sources/memory.ts";
import { readTensor } from "../../src/checkpoint/read-tensor.ts";
import { readSafetensors } from "../../src/checkpoint/safetensors/safetensors.ts";
import { writeSafetensors } from "../../src/checkpoint/safetensors/write-safetensors.ts";
import { fixturePath, readFixture } from "../support/fixtures.ts";
import { temporaryFolder } from "./files.ts";

const BYTES = new Uint8Array([1, 2, 3, 4, 5]);
const SOURCES = {
  memory: async () => memorySource(BYTES, "five"),
  file: () => fileSource(join(temporaryFolder({ five: BYTES }), "five")),
};

describe.each(Object.entries(SOURCES))("%s source", (_, open) => {
  test("reads any range that it holds", async () => {
    const source = await open();
    expect(source.size).toBe(5);
    expect([...(await source.read(1, 3))]).toEqual([2, 3, 4]);
    expect([...(await source.read(5, 0))]).toEqual([]);
  });

  test.each([
    [4, 2],
    [-1, 2],
    [0, -1],
    [0.5, 1],
    [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  ])("refuses bytes %d + %d", async (offset, length) => {
    await expect((await open()).read(offset, length)).rejects.toThrow(/^Cannot read .* bytes at .*: it has 5 bytes$/);
  });
});

test("fileSource() resolves links, and keeps the name that it was given", async () => {
  const folder = temporaryFolder({ blob: BYTES });
  symlinkSync("blob", join(folder, "link"));
  const source = await fileSource(join(folder, "link"));
  expect(source.name).toBe(join(folder, "link"));
  expect(source.path).toBe(realpathSync(join(folder, "blob")));
});

test("fileSource() says what is wrong with a path", async () => {
  const folder = temporaryFolder();
  await expect(fileSource(join(folder, "none"))).rejects.toThrow(
    `Cannot read "${join(folder, "none")}": there is no such file`,
  );
  await expect(fileSource(folder)).rejects.toThrow(`Cannot read "${folder}": it is not a file`);
  await expect(fileSource("a\0b")).rejects.toThrow("Cannot read");
});

test("fileSource() notices a file that has shrunk since", async () => {
  const path = join(temporaryFolder({ five: BYTES }), "five");
  const source = await fileSource(path);
  truncateSync(path, 2);
  await expect(source.read(0, 5)).rejects.toThrow("it has been changed since it was opened");
});

test("memorySource() gives bytes that may be kept, of a Buffer, too", async () => {
  const bytes = await memorySource(Buffer.from(BYTES)).read(0, 2);
  const kept = bytes.slice();
  bytes.fill(0);
  expect([...kept]).toEqual([...BYTES.slice(0, 2)]);
});

test("writeSafetensors() leaves exactly one file, which reads back", async () => {
  const folder = temporaryFolder({ "out.safetensors": "older" });
  const path = join(folder, "out.safetensors");
  const tensors = {
    latents: { data: Float32Array.of(1, -2.5, 3), shape: [3] },
    scale: { data: Float32Array.of(7), shape: [] },
  };
  await writeSafetensors(path, tensors, { seed: "0" });
  expect(readdirSync(folder)).toEqual(["out.safetensors"]);
  const { weights, metadata } = await readSafetensors(await fileSource(path));
  expect(metadata).toEqual({ seed: "0" });
  for (const [name, weight] of weights) expect(await readTensor(weight)).toEqual(tensors[name as keyof typeof tensors]);
});

test("writeSafetensors() leaves nothing behind when it fails", async () => {
  const folder = temporaryFolder();
  await expect(writeSafetensors(join(folder, "none", "x"), {})).rejects.toThrow(
    `Cannot write "${join(folder, "none", "x")}"`,
  );
  writeFileSync(join(folder, "file"), "");
  await expect(writeSafetensors(folder, {})).rejects.toThrow("Cannot write");
  expect(readdirSync(folder)).toEqual(["file"]);
});

test("readTensor() agrees with the fixture reader on float32 and int64", async () => {
  const name = "models/unet-sd15/io.safetensors";
  const expected = readFixture(name);
  const { weights } = await readSafetensors(await fileSource(fixturePath(name)));
  expect([...weights.keys()].sort()).toEqual([...expected.names].sort());
  for (const [tensor, weight] of weights) expect(await readTensor(weight)).toEqual(expected.tensor(tensor));
});
