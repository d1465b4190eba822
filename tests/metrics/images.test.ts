import { describe, expect, test } from "vitest";
import { plainImage, rgbImage } from "../../src/image/rgb-image.ts";
import { meanSquaredError, psnr } from "../../src/metrics/psnr.ts";
import { ssim } from "../../src/metrics/ssim.ts";
import { readJson } from "../support/fixtures.ts";
import { readRawFixture } from "../tensor/raw-fixture.ts";
import { DIGITS_OF_FLOAT64 } from "./precision.ts";

interface Expected {
  readonly psnr_data_range_255: number;
  readonly mse: number;
  readonly ssim_skimage_default_win7: number;
  readonly "ssim_gaussian_sigma1.5": number;
  readonly ssim_gaussian_gray: number;
}
const { images } = readJson("metrics/expected.json") as { images: Expected[] };
const inputs = readRawFixture("metrics/inputs.safetensors");
const image = (name: string) => {
  const { shape, buffer } = inputs.get(name)!;
  return rgbImage(shape[1]!, shape[0]!, new Uint8Array(buffer));
};

describe.each(images.map((expected, i) => ({ i, expected })))(
  "image pair $i, against scikit-image",
  ({ i, expected }) => {
    const [a, b] = [image(`image${i}.a`), image(`image${i}.b`)];

    test("psnr()", () => {
      expect(meanSquaredError(a, b)).toBeCloseTo(expected.mse, DIGITS_OF_FLOAT64);
      expect(psnr(a, b)).toBeCloseTo(expected.psnr_data_range_255, DIGITS_OF_FLOAT64);
    });

    test("ssim()", () => {
      expect(ssim(a, b)).toBeCloseTo(expected.ssim_skimage_default_win7, DIGITS_OF_FLOAT64);
      expect(ssim(a, b, { window: "gaussian" })).toBeCloseTo(expected["ssim_gaussian_sigma1.5"], DIGITS_OF_FLOAT64);
      expect(ssim(a, b, { window: "gaussian", of: "luma" })).toBeCloseTo(
        expected.ssim_gaussian_gray,
        DIGITS_OF_FLOAT64,
      );
    });

    test("do not depend on the order", () => {
      expect(psnr(b, a)).toBe(psnr(a, b));
      expect(ssim(b, a)).toBeCloseTo(ssim(a, b), DIGITS_OF_FLOAT64);
    });
  },
);

test("equal images are infinitely close", () => {
  const a = image("image0.a");
  expect(psnr(a, a)).toBe(Number.POSITIVE_INFINITY);
  expect(ssim(a, a)).toBe(1);
});

test("what cannot be compared is refused", () => {
  expect(() => psnr(plainImage(2, 2), plainImage(2, 3))).toThrow("an image of 2x2 pixels with one of 2x3");
  expect(() => ssim(plainImage(2, 2), plainImage(2, 3))).toThrow("an image of 2x2 pixels with one of 2x3");
  expect(() => ssim(plainImage(6, 20), plainImage(6, 20))).toThrow("its window takes 7 in each direction");
});
