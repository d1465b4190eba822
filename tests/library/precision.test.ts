import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { pipeline } from "../../src/library/pipeline.ts";
import { temporaryFolder } from "../checkpoint/files.ts";

const REQUEST = { steps: 2, seed: 1, width: 64, height: 64, sampler: "ddim" } as const;

test("pipeline() computes in int8 where that is asked for, and images say so", async () => {
  await using exact = await pipeline("text-to-image");
  await using narrow = await pipeline("text-to-image", undefined, { precision: "int8" });
  const [plain, coarse] = [await exact("a fox", REQUEST), await narrow("a fox", REQUEST)];
  expect(coarse.image.parameters).toContain("Precision: int8");
  expect(plain.image.parameters).not.toContain("Precision");
  expect(Buffer.from(coarse.image.data).equals(Buffer.from(plain.image.data))).toBe(false);
  const differences = Array.from(plain.image.data, (value, i) => Math.abs(value - coarse.image.data[i]!));
  expect(Math.max(...differences)).toBeLessThan(64);
});

test("pipeline() computes in what the machine gains from, measured once where there is a folder for it", async () => {
  const cacheFolder = temporaryFolder();
  const open = async () => await pipeline("text-to-image", undefined, { precision: "auto", cacheFolder });
  await using first = await open();
  const { image } = await first("a fox", REQUEST);
  const [file = "", ...others] = readdirSync(join(cacheFolder, "machine"));
  expect(others).toEqual([]);
  const path = join(cacheFolder, "machine", file);
  const { gains } = JSON.parse(readFileSync(path, "utf8"));
  expect(image.parameters.includes("Precision: int8")).toBe(gains.int8 >= 1.3);
  for (const [int8, expected] of [
    [2, true],
    [1, false],
  ] as const) {
    writeFileSync(path, JSON.stringify({ gains: { int8 } }));
    await using next = await open();
    expect((await next("a fox", REQUEST)).image.parameters.includes("Precision: int8")).toBe(expected);
  }
});

test("pipeline() refuses a precision that there is not", async () => {
  await expect(pipeline("text-to-image", undefined, { precision: "int4" as "int8" })).rejects.toMatchObject({
    code: "OPTION_INVALID",
    message: 'Cannot compute in "int4": one of float32, int8, bfloat16, float16 is required',
  });
});

test("pipeline() refuses int8 in a browser", async () => {
  const { pipeline: inBrowser } = await import("../../src/library/pipeline-browser.ts");
  await expect(inBrowser("text-to-image", "model", { precision: "int8" })).rejects.toMatchObject({
    code: "OPTION_INVALID",
    message: 'Cannot use the option "precision" in a browser: it is for Node',
  });
});
