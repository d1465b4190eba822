import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { fileSource } from "../../src/checkpoint/bytes/byte-sources/file.ts";
import { encodeNpy, readNpyHeader } from "../../src/checkpoint/numpy/npy.ts";
import { openNpz, writeNpz } from "../../src/checkpoint/numpy/npz.ts";
import { fixturePath } from "../support/fixtures.ts";

const folder = mkdtempSync(join(tmpdir(), "deepcache-npz-"));
afterAll(() => rmSync(folder, { recursive: true }));

const open = async (name: string) => await openNpz(await fileSource(fixturePath(`numpy/${name}.npz`)));

describe("openNpz()", () => {
  test.each(["plain", "compressed"])("reads what NumPy wrote %s", async (name) => {
    const arrays = await open(name);
    expect([...arrays.values()].map(({ name, type, shape }) => [name, type, ...shape])).toEqual([
      ["bytes", "|u1", 2, 3, 4],
      ["floats", "<f4", 3, 2],
      ["doubles", "<f8", 5],
      ["scalar", "<f8"],
    ]);
    const values = async (array: string): Promise<number[]> => [...((await arrays.get(array)?.values()) ?? [])];
    expect(await values("bytes")).toEqual(Array.from({ length: 24 }, (_, i) => i));
    expect(await values("floats")).toEqual(Array.from({ length: 6 }, (_, i) => Math.fround(i / 7)));
    expect(await values("doubles")).toEqual(Array.from({ length: 5 }, (_, i) => i / 7));
    expect(await values("scalar")).toEqual([2.5]);
    expect([...((await arrays.get("bytes")?.read(12, 15)) ?? [])]).toEqual([12, 13, 14]);
  });

  test.each([
    ["objects", 'its elements are "|O" where one of |u1, <f4, <f8 is required'],
    ["columns", "its elements do not lie row by row"],
    ["whole", 'its elements are "<i8" where one of'],
  ])("refuses %s", async (name, message) => {
    await expect(open(name)).rejects.toThrow(message);
  });

  test("refuses files that are no archives of arrays", async () => {
    await expect(openNpz(await fileSource(fixturePath("manifest.json")))).rejects.toThrow("zip archive");
    await writeNpz(join(folder, "none.npz"), {});
    await expect(openNpz(await fileSource(join(folder, "none.npz")))).rejects.toThrow("it holds no NumPy arrays");
  });
});

describe("writeNpz()", () => {
  test("writes what openNpz() reads, the same bytes every time", async () => {
    const arrays = {
      mu: { data: Float64Array.of(1, 2.5, -3), shape: [3] },
      sigma: { data: Float64Array.from({ length: 6 }, (_, i) => i ** 0.5), shape: [2, 3] },
    };
    for (const name of ["a", "b"]) await writeNpz(join(folder, `${name}.npz`), arrays);
    expect(readFileSync(join(folder, "a.npz"))).toEqual(readFileSync(join(folder, "b.npz")));
    const read = await openNpz(await fileSource(join(folder, "a.npz")));
    for (const [name, { data, shape }] of Object.entries(arrays)) {
      expect(read.get(name)?.shape).toEqual(shape);
      expect(await read.get(name)?.values()).toEqual(data);
    }
  });

  test("leaves nothing behind where it cannot write", async () => {
    await expect(writeNpz(join(folder, "nowhere", "a.npz"), {})).rejects.toThrow("Cannot write");
    expect(readdirSync(folder).filter((name) => name.includes("incomplete"))).toEqual([]);
  });
});

describe("readNpyHeader()", () => {
  const file = encodeNpy(Float64Array.of(1, 2), [2]);

  test("reads the header of what encodeNpy() gives, whose elements are aligned", () => {
    expect(readNpyHeader(file, "x")).toEqual({ type: "<f8", shape: [2], start: 128 });
    expect(encodeNpy(new Float64Array(), [0, 3]).length % 64).toBe(0);
  });

  test("refuses what is cut off, and what is something else", () => {
    expect(() => readNpyHeader(file.subarray(0, 40), "x")).toThrow("Cannot read x: its header of 118 bytes is cut off");
    expect(() => readNpyHeader(file.subarray(0, 8), "x")).toThrow("it is no .npy file");
    expect(() => readNpyHeader(file.slice().fill(0, 0, 1), "x")).toThrow("it is no .npy file");
    expect(() => readNpyHeader(file.slice().fill(0x20, 10, 40), "x")).toThrow("does not say type and shape");
  });
});
