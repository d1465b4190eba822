import { expect, test } from "vitest";
import { enlargeSmoothly } from "../../../src/image/geometry/enlarge.ts";
import { plainImage, rgbImage } from "../../../src/image/rgb-image.ts";

test("a plain image stays plain, and factor 1 changes nothing", () => {
  expect(enlargeSmoothly(plainImage(3, 2, 77), 4)).toEqual(plainImage(12, 8, 77));
  const image = rgbImage(
    2,
    2,
    Uint8Array.from({ length: 12 }, (_, i) => i * 20),
  );
  expect(enlargeSmoothly(image, 1)).toEqual(image);
});

test("a ramp stays a ramp in both directions", () => {
  const across = rgbImage(
    6,
    3,
    Uint8Array.from({ length: 54 }, (_, i) => (Math.floor(i / 3) % 6) * 40),
  );
  const down = rgbImage(
    3,
    6,
    Uint8Array.from({ length: 54 }, (_, i) => Math.floor(i / 9) * 40),
  );
  const [wide, tall] = [enlargeSmoothly(across, 3), enlargeSmoothly(down, 3)];
  expect(wide).toMatchObject({ width: 18, height: 9 });
  // Away from the edges, pixel x of the large image lies at (x + 0.5) / 3 - 0.5 of the small one.
  for (let i = 5; i < 13; i++) {
    const value = Math.round(((i + 0.5) / 3 - 0.5) * 40);
    expect(wide.data[(4 * 18 + i) * 3]).toBe(value);
    expect(tall.data[(i * 9 + 4) * 3 + 1]).toBe(value);
  }
});

test("a factor that is no positive integer is refused", () => {
  for (const factor of [0, -1, 1.5]) expect(() => enlargeSmoothly(plainImage(1, 1), factor)).toThrow(`${factor} times`);
});
