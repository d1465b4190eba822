import { describe, expect, test } from "vitest";
import {
  bfloat16ToFloat32,
  float16ToFloat32,
  float32ToBfloat16,
  float32ToFloat16,
  roundToHalf,
} from "../../src/tensor/half.ts";

const everyPattern = Uint16Array.from({ length: 65536 }, (_, pattern) => pattern);

/** The value of a bit pattern by definition: sign, exponent, fraction. */
function defined(pattern: number, exponentBits: number, fractionBits: number): number {
  const sign = pattern & 0x8000 ? -1 : 1;
  const largest = 2 ** exponentBits - 1;
  const exponent = (pattern & 0x7fff) >>> fractionBits;
  const fraction = (pattern & (2 ** fractionBits - 1)) / 2 ** fractionBits;
  const bias = (largest - 1) / 2;
  if (exponent === largest) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** (1 - bias) : sign * (1 + fraction) * 2 ** (exponent - bias);
}

describe.each([
  { format: "float16", widen: float16ToFloat32, narrow: float32ToFloat16, exponentBits: 5, infinity: 0x7c00 },
  { format: "bfloat16", widen: bfloat16ToFloat32, narrow: float32ToBfloat16, exponentBits: 8, infinity: 0x7f80 },
])("$format", ({ widen, narrow, exponentBits, infinity }) => {
  const fractionBits = 15 - exponentBits;

  test("widens every pattern to the value that the format defines", () => {
    const values = widen(everyPattern);
    expect(values.findIndex((value, i) => !Object.is(value, defined(i, exponentBits, fractionBits)))).toBe(-1);
  });

  test("brings every pattern back, NaN payloads included", () => {
    expect(narrow(widen(everyPattern))).toEqual(everyPattern);
  });

  test("rounds to the nearest value, and midpoints to the even one", () => {
    const words = new Uint32Array(3);
    const aroundMidpoint = new Float32Array(words.buffer);
    const wrong: number[] = [];
    for (let pattern = 0; pattern < infinity; pattern++) {
      // The value after the largest one is where infinity would be if exponents went on.
      const next =
        pattern + 1 === infinity ? 2 ** (2 ** (exponentBits - 1)) : defined(pattern + 1, exponentBits, fractionBits);
      aroundMidpoint[1] = (defined(pattern, exponentBits, fractionBits) + next) / 2;
      words[0] = words[1]! - 1;
      words[2] = words[1]! + 1;
      const even = pattern % 2 === 0 ? pattern : pattern + 1;
      const rounded = narrow(aroundMidpoint);
      const mirrored = narrow(aroundMidpoint.map((value) => -value));
      const wanted = [pattern, even, pattern + 1];
      if (wanted.some((bits, i) => rounded[i] !== bits || mirrored[i] !== (bits | 0x8000))) wrong.push(pattern);
    }
    expect(wrong).toEqual([]);
  });

  test("takes a view that does not start at its buffer's first byte", () => {
    expect(narrow(new Float32Array([5, 1, -2]).subarray(1))).toEqual(narrow(new Float32Array([1, -2])));
  });

  test("keeps NaN a NaN when its payload lies in the dropped bits", () => {
    const low = new Float32Array(new Uint32Array([0x7f800001, 0xff800001]).buffer);
    expect([...widen(narrow(low))]).toEqual([Number.NaN, Number.NaN]);
  });
});

test("roundToHalf() rounds one number", () => {
  expect([1, 1 / 3, 65519, 65520, 2 ** -25, -(2 ** -24), 0].map(roundToHalf)).toEqual([
    1,
    0.333251953125,
    65504,
    Number.POSITIVE_INFINITY,
    0,
    -(2 ** -24),
    0,
  ]);
});
