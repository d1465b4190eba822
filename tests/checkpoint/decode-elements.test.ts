import { expect, test } from "vitest";
import { decodeElements } from "../../src/checkpoint/bytes/decode-elements.ts";
import type { Dtype } from "../../src/tensor/dtype.ts";

const CASES: readonly (readonly [Dtype, ArrayBufferView, readonly number[]])[] = [
  ["F64", Float64Array.of(1.5, -2e300, 0.1), [1.5, -Infinity, Math.fround(0.1)]],
  ["F32", Float32Array.of(1.5, Number.NaN), [1.5, Number.NaN]],
  [
    "F16",
    Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x83ff, 0x7bff, 0x7c00, 0xfc00, 0x7e00, 0x3555),
    [1, -2, 2 ** -24, -1023 * 2 ** -24, 65504, Infinity, -Infinity, Number.NaN, 0.333251953125],
  ],
  ["BF16", Uint16Array.of(0x3f80, 0xc040, 0x0001, 0x7f80), [1, -3, 2 ** -133, Infinity]],
  [
    "F8_E4M3",
    Uint8Array.of(0x38, 0xc0, 0x01, 0x07, 0x08, 0x7e, 0xfe, 0x7f, 0xff, 0x80),
    [1, -2, 2 ** -9, 7 * 2 ** -9, 2 ** -6, 448, -448, Number.NaN, Number.NaN, -0],
  ],
  [
    "F8_E5M2",
    Uint8Array.of(0x3c, 0xc0, 0x01, 0x04, 0x7b, 0x7c, 0xfc, 0x7d),
    [1, -2, 2 ** -16, 2 ** -14, 57344, Infinity, -Infinity, Number.NaN],
  ],
  ["I64", BigInt64Array.of(-3n, 2n ** 40n), [-3, 2 ** 40]],
  ["I32", Int32Array.of(-2, 2 ** 30), [-2, 2 ** 30]],
  ["I16", Int16Array.of(-300, 300), [-300, 300]],
  ["I8", Int8Array.of(-128, 127), [-128, 127]],
  ["U8", Uint8Array.of(0, 255), [0, 255]],
  ["BOOL", Uint8Array.of(0, 1), [0, 1]],
];

test.each(CASES)("decodeElements() reads %s at any alignment", (dtype, { buffer, byteLength }, expected) => {
  const shifted = new Uint8Array(byteLength + 1);
  shifted.set(new Uint8Array(buffer), 1);
  expect(decodeElements(shifted.subarray(1), dtype)).toEqual(Float32Array.from(expected));
});
