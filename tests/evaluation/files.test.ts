import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { finitePsnr } from "../../src/evaluation/measuring/instruments/difference.ts";
import { jsonLines, readJsonLines } from "../../src/evaluation/store/json-lines.ts";
import { checkFileNames, imageFile, parseResult, parseTiming } from "../../src/evaluation/store/records.ts";
import { type EvaluationSettings, readSettings, settingsDifferences } from "../../src/evaluation/store/settings.ts";
import { folderStore } from "../../src/evaluation/store/stores/folder.ts";
import { type EvaluatedPolicy, imagesOf, unitsOf } from "../../src/evaluation/workload/items.ts";
import { shrink } from "../../src/image/geometry/shrink.ts";
import { plainImage } from "../../src/image/rgb-image.ts";

const folder = mkdtempSync(join(tmpdir(), "deepcache-store-"));
afterAll(() => rmSync(folder, { recursive: true }));
const store = folderStore(join(folder, "work"));
const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);

describe("folderStore()", () => {
  test("writes, adds, reads parts and cuts down, making folders where they are missing", () => {
    expect(store.read("a/b.txt")).toBeUndefined();
    expect(store.size("a/b.txt")).toBeUndefined();
    store.append("a/b.txt", "hello");
    store.append("a/b.txt", new TextEncoder().encode(" world"));
    expect(text(store.read("a/b.txt"))).toBe("hello world");
    expect(text(store.read("a/b.txt", 6, 99))).toBe("world");
    store.truncate("a/b.txt", 4);
    expect(store.size("a/b.txt")).toBe(4);
    store.write("a/b.txt", "new");
    expect(text(store.read("a/b.txt"))).toBe("new");
    expect(readdirSync(join(folder, "work", "a"))).toEqual(["b.txt"]);
  });
});

describe("readJsonLines()", () => {
  test("tells where lines begin and end, and leaves a torn last one out", () => {
    store.write("lines", `${jsonLines([{ a: 1 }, "ä"])}{"a":`);
    expect([...readJsonLines(store, "lines")]).toEqual([
      { value: { a: 1 }, begin: 0, end: 8 },
      { value: "ä", begin: 8, end: 13 },
    ]);
    expect([...readJsonLines(store, "nothing")]).toEqual([]);
  });

  test("reads files of many blocks", () => {
    const values = Array.from({ length: 300 }, (_, i) => ({ i, text: "x".repeat(10_000 + i) }));
    store.write("long", jsonLines(values));
    expect([...readJsonLines(store, "long")].map(({ value }) => value)).toEqual(values);
  });

  test("refuses a damaged line in between", () => {
    store.write("damaged", '{"a":1}\n{"a"\n{"a":2}\n');
    expect(() => [...readJsonLines(store, "damaged")]).toThrow('line 2 of "damaged" is damaged');
  });
});

const off: EvaluatedPolicy = { name: "off", cache: { kind: "off" } };
const uniform: EvaluatedPolicy = { name: "uniform:3:0", cache: { kind: "uniform", interval: 3, branch: 0 } };

describe("unitsOf()", () => {
  const workload = { rows: [{ text: "a" }, { text: "b" }], count: 7, seed: 5, batch: 3, policies: [uniform, off] };

  test("lets policies take turns batch by batch, the baseline first", () => {
    const units = [...unitsOf(workload)];
    expect(units.map(({ batch, policy }) => `${batch} ${policy.name}`)).toEqual([
      ...["0 off", "0 uniform:3:0", "1 off", "1 uniform:3:0", "2 off", "2 uniform:3:0"],
    ]);
    expect(units[2]?.items).toEqual([
      { index: 3, seed: 8, row: 1, text: "b" },
      { index: 4, seed: 9, row: 0, text: "a" },
      { index: 5, seed: 10, row: 1, text: "b" },
    ]);
    expect(units[4]?.items.map(({ index }) => index)).toEqual([6]);
  });

  test("gives shards that are disjoint and together everything, in the same batches", () => {
    const indices = (shard?: { index: number; of: number }): number[] =>
      [...unitsOf({ ...workload, shard })].flatMap(({ items }) => items.map(({ index }) => index));
    const shards = [1, 2, 3].map((index) => indices({ index, of: 3 }));
    expect(shards).toEqual([
      [0, 1, 2, 0, 1, 2],
      [3, 4, 5, 3, 4, 5],
      [6, 6],
    ]);
    expect(shards.flat().sort()).toEqual(indices().sort());
    expect([1, 2, 3].map((index) => imagesOf({ ...workload, shard: { index, of: 3 } }))).toEqual([3, 3, 1]);
  });
});

describe("records", () => {
  test("policies have folders of their own, under names that every file system takes", () => {
    expect(imageFile("centered:5:15:1.4:1", 12)).toBe("images/centered-5-15-1.4-1/12.png");
    expect(() => checkFileNames(["uniform:3:0", "uniform 3 0"])).toThrow('Cannot evaluate both "uniform:3:0" and');
  });

  test("lines that no evaluation wrote are refused", () => {
    expect(() => parseResult({ index: 1 })).toThrow("Cannot read a result from");
    expect(() => parseTiming(null)).toThrow("Cannot read a timing from null");
  });
});

describe("settings", () => {
  const settings: EvaluationSettings = {
    ...{ format: 1, version: "0.1.0", count: 5, batch: 2, seed: 0, rows: { count: 3, sha256: "a" } },
    ...{ policies: [off, uniform], metrics: ["psnr"], options: { steps: 5 } },
  };

  test("differences are told by name", () => {
    expect(settingsDifferences(settings, structuredClone(settings))).toEqual([]);
    const other = { ...settings, policies: [off, { ...uniform, cache: { kind: "uniform", interval: 4, branch: 0 } }] };
    const changed = { ...other, options: { sampler: "ddim" }, metrics: ["psnr", "ssim"] } as EvaluationSettings;
    expect(settingsDifferences(settings, changed)).toEqual([
      "policies[uniform:3:0].cache.interval is 3 there and 4 here",
      'metrics is ["psnr"] there and ["psnr","ssim"] here',
      "steps is 5 there and not given here",
      'sampler is not given there and "ddim" here',
    ]);
  });

  test("name policies as they are named now, whatever they were called", () => {
    const former = { name: "full:0/2:1", cache: { kind: "steps", full: [0, 2], branch: 1 } };
    store.write("settings.json", JSON.stringify({ ...settings, policies: [off, former] }));
    const { policies = [] } = readSettings(store) ?? {};
    expect(policies).toEqual([off, { name: "full:0/2:1", cache: { kind: "listed", full: [0, 2], branch: 1 } }]);
  });

  test("of committed evaluations are read as they are", () => {
    const root = fileURLToPath(new URL("../../evaluations", import.meta.url));
    const stores = readdirSync(root).map((name) => folderStore(join(root, name)));
    expect(stores.length).toBeGreaterThan(0);
    for (const kept of stores) expect(readSettings(kept)).toEqual(JSON.parse(text(kept.read("settings.json"))));
  });

  test("what is not settings is refused", () => {
    expect(readSettings(folderStore(join(folder, "nowhere")))).toBeUndefined();
    store.write("settings.json", "{}");
    expect(() => readSettings(store)).toThrow("it does not hold an evaluation's settings");
  });
});

test("finitePsnr() counts equal images as if one byte differed by one", () => {
  const [image, other] = [plainImage(4, 4, 10), plainImage(4, 4, 10)];
  other.data[0] = 11;
  expect(finitePsnr(image, image)).toBe(finitePsnr(image, other));
});

describe("shrink()", () => {
  test("averages squares and cuts off what is left over", () => {
    const image = plainImage(5, 2, 0);
    image.data.set([4, 8, 0], 0);
    image.data.set([8, 8, 0], 3);
    const small = shrink(image, 2);
    expect([small.width, small.height]).toEqual([2, 1]);
    expect([...small.data]).toEqual([3, 4, 0, 0, 0, 0]);
  });

  test.each([0, 1.5, 3])("refuses %d times", (factor) => {
    expect(() => shrink(plainImage(5, 2), factor)).toThrow("a whole number from 1 to 2 is required");
  });
});
