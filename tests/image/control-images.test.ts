import { describe, expect, test } from "vitest";
import { resizeImage } from "../../src/image/geometry/resize.ts";
import { cannyEdges } from "../../src/image/preprocess/canny.ts";
import { type RgbImage, rgbImage } from "../../src/image/rgb-image.ts";
import { readFixture } from "../support/fixtures.ts";

const expected = readFixture("adapters/control-images.safetensors");
const named = (kind: string): readonly string[] => expected.names.filter((name) => name.startsWith(kind));
const { data, shape } = expected.tensor("picture");
const picture: RgbImage = rgbImage(shape[1] ?? 0, shape[0] ?? 0, Uint8Array.from(data));

describe("cannyEdges()", () => {
  test.each(named("canny."))("finds OpenCV's edges: %s", (name) => {
    const [low = 0, high = 0] = name
      .split(".")
      .slice(1)
      .map((text) => Number(text.replace("_", ".")));
    const edges = cannyEdges(picture, { low, high });
    expect([...edges.data].filter((_, i) => i % 3 === 0)).toEqual([...expected.tensor(name).data]);
  });

  test("is grey, and takes a low threshold of 100 and a high one of 200 unless told otherwise", () => {
    const edges = cannyEdges(picture);
    expect(edges).toEqual(cannyEdges(picture, { low: 100, high: 200 }));
    expect(edges.data.every((level, i) => level === edges.data[i - (i % 3)])).toBe(true);
  });
});

test.each(named("lanczos."))("resizeImage() gives Pillow's bytes by Lanczos' filter: %s", (name) => {
  const [width = 0, height = 0] = name.slice("lanczos.".length).split("x").map(Number);
  expect([...resizeImage(picture, width, height, "lanczos").data]).toEqual([...expected.tensor(name).data]);
});
