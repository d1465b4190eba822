import { describe, expect, test } from "vitest";
import { orientationOf, userComment } from "../../src/image/codecs/exif.ts";

/** A block whose only entry is the orientation. */
function block({ order = "MM", type = 3, value = 6, at = 8 } = {}): Uint8Array {
  const view = new DataView(new ArrayBuffer(at + 18));
  const isLittleEndian = order === "II";
  view.setUint16(0, isLittleEndian ? 0x4949 : 0x4d4d);
  view.setUint16(2, 42, isLittleEndian);
  view.setUint32(4, at, isLittleEndian);
  view.setUint16(at, 1, isLittleEndian);
  view.setUint16(at + 2, 0x0112, isLittleEndian);
  view.setUint16(at + 4, type, isLittleEndian);
  view.setUint32(at + 6, 1, isLittleEndian);
  view.setUint16(at + 10, value, isLittleEndian);
  return new Uint8Array(view.buffer);
}

describe("orientationOf()", () => {
  test("reads blocks of both byte orders, wherever the directory lies", () => {
    expect(orientationOf(block({ order: "MM" }))).toBe(6);
    expect(orientationOf(block({ order: "II", value: 8 }))).toBe(8);
    expect(orientationOf(block({ at: 100, value: 3 }))).toBe(3);
  });

  test("is upright where there is none, or none that makes sense", () => {
    expect(orientationOf(userComment("text"))).toBe(1);
    expect(orientationOf(block({ value: 0 }))).toBe(1);
    expect(orientationOf(block({ value: 9 }))).toBe(1);
    expect(orientationOf(block({ type: 4 }))).toBe(1);
  });

  test("is upright where the block ends too early", () => {
    const whole = block();
    for (let length = 0; length < whole.length - 4; length++) expect(orientationOf(whole.subarray(0, length))).toBe(1);
    const far = block();
    new DataView(far.buffer).setUint32(4, 0xffffffff);
    expect(orientationOf(far)).toBe(1);
  });
});
