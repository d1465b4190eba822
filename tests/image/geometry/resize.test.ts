import { describe, expect, test } from "vitest";
import { crop } from "../../../src/image/geometry/crop.ts";
import { type ResizeFilter, resizeImage } from "../../../src/image/geometry/resize.ts";
import { plainImage, rgbImage } from "../../../src/image/rgb-image.ts";
import { readFixture } from "../../support/fixtures.ts";
import { meshedPicture, namedPicture } from "../../support/models/named-weights.ts";

const expected = readFixture("perceptual/expected.safetensors");
const cases = expected.names.filter((name) => name.startsWith("resize."));

describe("resizeImage()", () => {
  test.each(cases)("gives Pillow's bytes: %s", (name) => {
    const [, filter, content, from = "", to = ""] = name.split(".");
    const [[width, height], [newWidth, newHeight]] = [from, to].map((size) => size.split("x").map(Number)) as [
      [number, number],
      [number, number],
    ];
    const image = content === "noise" ? namedPicture("noise", width, height) : meshedPicture(width, height);
    const resized = resizeImage(image, newWidth, newHeight, filter as ResizeFilter);
    expect([resized.width, resized.height]).toEqual([newWidth, newHeight]);
    expect([...resized.data]).toEqual([...expected.tensor(name).data]);
  });

  test("is bicubic unless told otherwise, and leaves the original alone", () => {
    const image = namedPicture("noise", 9, 7);
    const before = [...image.data];
    expect(resizeImage(image, 5, 11)).toEqual(resizeImage(image, 5, 11, "bicubic"));
    expect(resizeImage(image, 5, 11)).not.toEqual(resizeImage(image, 5, 11, "bilinear"));
    expect([...image.data]).toEqual(before);
  });

  test.each([
    [0, 4],
    [4, -1],
    [2.5, 4],
    [Number.NaN, 4],
  ])("refuses a size of %dx%d", (width, height) => {
    expect(() => resizeImage(plainImage(4, 4), width, height)).toThrow(
      `Cannot resize an image to ${width}x${height} pixels: positive whole numbers are required`,
    );
  });
});

describe("crop()", () => {
  const image = rgbImage(
    3,
    2,
    Uint8Array.from({ length: 18 }, (_, i) => i),
  );

  test("cuts a rectangle out", () => {
    expect(crop(image, { left: 1, top: 0, width: 2, height: 2 })).toEqual(
      rgbImage(2, 2, Uint8Array.of(3, 4, 5, 6, 7, 8, 12, 13, 14, 15, 16, 17)),
    );
    expect(crop(image, { left: 0, top: 0, width: 3, height: 2 })).toEqual(image);
  });

  test.each([
    { left: -1, top: 0, width: 1, height: 1 },
    { left: 2, top: 0, width: 2, height: 1 },
    { left: 0, top: 1, width: 1, height: 2 },
  ])("refuses %j, which lies outside", (place) => {
    expect(() => crop(image, place)).toThrow(
      `Cannot cut ${place.width}x${place.height} pixels at (${place.left}, ${place.top}) out of an image of 3x2`,
    );
  });
});
