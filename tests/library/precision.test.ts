import { expect, test } from "vitest";
import { pipeline } from "../../src/library/pipeline.ts";

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

test("pipeline() refuses a precision that there is not", async () => {
  await expect(pipeline("text-to-image", undefined, { precision: "int4" as "int8" })).rejects.toMatchObject({
    code: "OPTION_INVALID",
    message: 'Cannot compute in "int4": one of float32, int8 is required',
  });
});

test("pipeline() refuses int8 in a browser", async () => {
  const { pipeline: inBrowser } = await import("../../src/library/pipeline-browser.ts");
  await expect(inBrowser("text-to-image", "model", { precision: "int8" })).rejects.toMatchObject({
    code: "OPTION_INVALID",
    message: 'Cannot use the option "precision" in a browser: it is for Node',
  });
});
