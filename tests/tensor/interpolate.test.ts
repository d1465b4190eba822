import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type InterpolationMode, interpolate } from "../../src/tensor/interpolate.ts";
import { tensor } from "../../src/tensor/tensor.ts";
import { SAME_FORMULA } from "../support/assertions/tolerances.ts";
import { fixturePath } from "../support/fixtures.ts";

interface Stored {
  readonly shape: readonly number[];
  readonly values: readonly number[];
  readonly cases: readonly {
    readonly mode: InterpolationMode;
    readonly size: readonly [number, number];
    readonly values: readonly number[];
  }[];
}

/** Made by tools/reference/interpolate.py. */
const stored: Stored = JSON.parse(readFileSync(fixturePath("interpolate/interpolate.json"), "utf8"));
const input = tensor(Float32Array.from(stored.values), stored.shape);

describe.each(stored.cases)("interpolate() $mode to $size", ({ mode, size: [height, width], values }) => {
  test("gives torch's values", () => {
    const result = interpolate(input, height, width, mode);
    const expected = tensor(Float32Array.from(values), [...stored.shape.slice(0, 2), height, width]);
    expect(result).toBeCloseTensor(expected, SAME_FORMULA);
  });
});
