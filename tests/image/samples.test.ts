import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { rgbImage } from "../../src/image/rgb-image.ts";
import { imagesToSamples, samplesToImages } from "../../src/image/samples.ts";
import { tensor } from "../../src/tensor/tensor.ts";
import { readFixture } from "../support/fixtures.ts";

describe("samplesToImages()", () => {
  test.each(["sd15/txt2img-ddim", "sd15/txt2img-pndm", "sdxl/txt2img-euler"])(
    "gives diffusers' bytes of %s",
    (name) => {
      const file = readFixture(`pipelines/${name}.safetensors`);
      const unit = file.tensor("image.float");
      const expected = file.tensor("image.uint8");
      const images = samplesToImages(
        tensor(
          unit.data.map((value) => value * 2 - 1),
          unit.shape,
        ),
      );
      const [batch, height, width] = expected.shape;
      expect(images.map((image) => [image.width, image.height])).toEqual(Array(batch).fill([width, height]));
      expect(images.flatMap((image) => [...image.data])).toEqual([...expected.data]);
    },
  );

  test("rounds halves to the even level and clamps", () => {
    const unit = [126.5, 127.5, 128.5].map((level) => (level / 255) * 2 - 1).concat(-3, 5, -1);
    const [image] = samplesToImages(tensor(Float32Array.from(unit), [1, 1, 2, 3]));
    const grey = [...image!.data].filter((_, i) => i % 3 === 0);
    expect(grey).toEqual([126, 128, 128, 0, 255, 0]);
  });

  test("interleaves channels and splits the batch", () => {
    const data = Float32Array.from({ length: 12 }, (_, i) => (2 * i) / 255 - 1);
    const images = samplesToImages(tensor(data, [2, 3, 1, 2]));
    expect(images.map((image) => [...image.data])).toEqual([
      [0, 2, 4, 1, 3, 5],
      [6, 8, 10, 7, 9, 11],
    ]);
  });

  test.each([[[3, 2, 2]], [[1, 4, 2, 2]], [[0, 3, 2, 2]]])("refuses the shape %j", (shape) => {
    const data = new Float32Array(shape.reduce((a, b) => a * b));
    expect(() => samplesToImages(tensor(data, shape))).toThrow("expected [batch, 3, height, width]");
  });

  test("refuses NaN, which would become black", () => {
    expect(() => samplesToImages(tensor(Float32Array.of(Number.NaN), [1, 1, 1, 1]))).toThrow(
      new Error("Cannot make an image of samples that contain NaN: weights or settings are beyond what numbers hold"),
    );
  });
});

describe("imagesToSamples()", () => {
  test("is undone by samplesToImages()", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 12, maxLength: 12 }), (bytes) => {
        const images = [rgbImage(2, 1, bytes.subarray(0, 6)), rgbImage(2, 1, bytes.subarray(6))];
        const samples = imagesToSamples(images);
        expect(samples.shape).toEqual([2, 3, 1, 2]);
        expect(samplesToImages(samples).flatMap(({ data }) => [...data])).toEqual([...bytes]);
      }),
    );
  });

  test("reaches -1 and 1", () => {
    expect([...imagesToSamples([rgbImage(1, 1, Uint8Array.of(0, 255, 51))]).data]).toEqual([
      -1,
      1,
      Math.fround(Math.fround(0.2) * 2 - 1),
    ]);
  });

  test("refuses images of different sizes, and none", () => {
    const [small, large] = [rgbImage(1, 1, new Uint8Array(3)), rgbImage(2, 1, new Uint8Array(6))];
    expect(() => imagesToSamples([small, large])).toThrow("Cannot batch images of 1x1 and 2x1 pixels");
    expect(() => imagesToSamples([])).toThrow("no images");
  });
});
