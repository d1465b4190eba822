import { expect, test } from "vitest";
import { plainImage, rgbImage } from "../../src/image/rgb-image.ts";
import {
  blackMaskWarning,
  blend,
  latentMask,
  maskOf,
  withoutMasked,
} from "../../src/pipelines/text-to-image/inpainting-mask.ts";

test("maskOf() cuts grey levels in the middle, colours weighted as the eye does", () => {
  const pixels = [
    [127, 127, 127],
    [128, 128, 128],
    [255, 0, 0],
    [0, 255, 0],
    [255, 0, 204],
    [255, 0, 255],
  ];
  expect(maskOf(rgbImage(3, 2, Uint8Array.from(pixels.flat())))).toEqual({
    shape: [1, 1, 2, 3],
    data: Float32Array.of(0, 1, 0, 1, 0, 0),
  });
});

test("blackMaskWarning() speaks of masks that change nothing", () => {
  const warnings = [0, 127, 128, 255].map((level) => blackMaskWarning(plainImage(2, 2, level)));
  expect(warnings.map((warning) => warning?.slice(0, 29))).toEqual([
    "The mask is black everywhere,",
    "The mask is black everywhere,",
    undefined,
    undefined,
  ]);
});

test("latentMask() looks at the upper left pixel of every block", () => {
  const data = new Float32Array(4 * 6);
  data[2] = 1;
  data[2 * 6 + 4] = 1;
  data[6 + 1] = 1; // inside a block
  expect(latentMask({ shape: [1, 1, 4, 6], data }, 2)).toEqual({
    shape: [1, 1, 2, 3],
    data: Float32Array.of(0, 1, 0, 0, 0, 1),
  });
});

test("withoutMasked() and blend() repeat the mask over channels and rows", () => {
  const mask = { shape: [1, 1, 1, 2], data: Float32Array.of(1, 0) };
  const [ones, twos] = [1, 2].map((value) => ({ shape: [1, 2, 1, 2], data: new Float32Array(4).fill(value) }));
  expect(withoutMasked(ones!, mask).data).toEqual(Float32Array.of(0, 1, 0, 1));
  expect(blend(mask, ones!, twos!).data).toEqual(Float32Array.of(1, 2, 1, 2));
});
