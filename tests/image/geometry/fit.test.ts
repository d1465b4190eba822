import { describe, expect, test } from "vitest";
import { type Fit, fitImage, fitMask, fittedSize } from "../../../src/image/geometry/fit.ts";
import { resizeImage } from "../../../src/image/geometry/resize.ts";
import { plainImage, type RgbImage, rgbImage } from "../../../src/image/rgb-image.ts";
import { lettersOf, squares } from "../../support/pictures.ts";

/** Grey levels as a picture of one row. */
const row = (...levels: number[]): RgbImage =>
  rgbImage(levels.length, 1, Uint8Array.from(levels.flatMap((level) => [level, level, level])));
const reds = ({ data }: RgbImage): number[] => [...data].filter((_, i) => i % 3 === 0);

/** As the script behind the expected values draws it. */
function drawn(width: number, height: number): RgbImage {
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const [channel, pixel] = [i % 3, Math.floor(i / 3)];
    const [x, y] = [pixel % width, Math.floor(pixel / width)];
    return (x * 37 + y * 61 + channel * 97 + ((x * y * 13) % 50)) * 7;
  });
  return rgbImage(width, height, data);
}

// ImageOps.fit, ImageOps.pad and Image.resize of Pillow 12.3.0, bicubic.
const PILLOW: [string, Fit, number[]][] = [
  [
    "7x4 to 3x3",
    "cover",
    [
      18, 149, 97, 63, 150, 69, 45, 176, 73, 62, 70, 149, 134, 112, 87, 120, 128, 109, 123, 124, 75, 111, 89, 169, 69,
      203, 160,
    ],
  ],
  [
    "7x4 to 3x3",
    "contain",
    [45, 142, 129, 81, 131, 80, 66, 149, 119, 60, 163, 114, 112, 109, 137, 77, 164, 153, 0, 0, 0, 0, 0, 0, 0, 0, 0],
  ],
  [
    "7x4 to 3x3",
    "fill",
    [
      24, 150, 104, 51, 154, 74, 38, 169, 99, 75, 141, 159, 120, 97, 105, 109, 121, 158, 51, 171, 87, 111, 117, 146, 54,
      192, 142,
    ],
  ],
  [
    "4x9 to 4x2",
    "cover",
    [87, 110, 165, 105, 144, 55, 221, 116, 11, 186, 81, 120, 146, 169, 224, 202, 97, 8, 127, 166, 77, 189, 100, 139],
  ],
  ["4x9 to 4x2", "contain", [0, 0, 0, 0, 0, 0, 89, 135, 110, 0, 0, 0, 0, 0, 0, 0, 0, 0, 143, 135, 120, 0, 0, 0]],
  [
    "4x9 to 4x2",
    "fill",
    [83, 162, 161, 44, 167, 74, 116, 88, 108, 117, 128, 106, 93, 172, 171, 179, 100, 54, 119, 137, 147, 175, 141, 119],
  ],
  ["5x5 to 2x3", "cover", [25, 144, 111, 78, 135, 76, 56, 141, 124, 111, 96, 133, 142, 129, 58, 189, 115, 84]],
  ["5x5 to 2x3", "contain", [47, 145, 129, 90, 120, 93, 106, 139, 100, 153, 118, 108, 0, 0, 0, 0, 0, 0]],
  ["5x5 to 2x3", "fill", [39, 141, 119, 77, 138, 70, 63, 155, 133, 110, 97, 135, 133, 125, 86, 181, 131, 83]],
  [
    "4x3 to 5x2",
    "cover",
    [
      112, 102, 189, 31, 161, 109, 24, 127, 113, 87, 86, 117, 135, 131, 36, 154, 143, 232, 43, 182, 121, 51, 85, 140,
      127, 30, 158, 146, 147, 46,
    ],
  ],
  [
    "4x3 to 5x2",
    "contain",
    [
      0, 0, 0, 47, 144, 125, 19, 145, 101, 73, 138, 75, 0, 0, 0, 0, 0, 0, 90, 197, 168, 58, 89, 139, 107, 118, 110, 0,
      0, 0,
    ],
  ],
  [
    "4x3 to 5x2",
    "fill",
    [
      66, 129, 143, 19, 164, 97, 16, 145, 101, 54, 122, 104, 83, 150, 57, 127, 189, 205, 37, 195, 115, 55, 85, 139, 113,
      41, 163, 99, 173, 73,
    ],
  ],
];

describe("fitImage()", () => {
  test.each(PILLOW)("gives Pillow's bytes: %s, %s", (sizes, fit, expected) => {
    const [width = 0, height = 0, newWidth = 0, newHeight = 0] = sizes.match(/\d+/g)?.map(Number) ?? [];
    const fitted = fitImage(drawn(width, height), { width: newWidth, height: newHeight }, fit);
    expect(fitted).toEqual(rgbImage(newWidth, newHeight, Uint8Array.from(expected)));
  });

  // Image.resize of Pillow 12.3.0.
  test.each<[string, number[]]>([
    ["7x4 to 3x2", [46, 149, 124, 88, 127, 80, 50, 153, 128, 31, 198, 109, 109, 105, 145, 70, 173, 148]],
    [
      "3x2 to 5x3",
      [
        0, 167, 78, 0, 167, 78, 3, 170, 81, 6, 173, 84, 6, 173, 84, 171, 82, 249, 171, 82, 249, 9, 176, 87, 103, 14,
        181, 103, 14, 181, 171, 82, 249, 171, 82, 249, 9, 176, 87, 103, 14, 181, 103, 14, 181,
      ],
    ],
  ])("averages as Pillow does, for masks: %s", (sizes, expected) => {
    const [width = 0, height = 0, newWidth = 0, newHeight = 0] = sizes.match(/\d+/g)?.map(Number) ?? [];
    expect([...resizeImage(drawn(width, height), newWidth, newHeight, "box").data]).toEqual(expected);
  });

  test.each<[Fit | undefined, string, string]>([
    [undefined, "abc/def", "b/e"],
    ["cover", "abc/def", "b/e"],
    ["cover", "ab/cd/ef", "cd"],
    ["contain", "ab", "../ab/.."],
    ["contain", "a/b", ".a./.b."],
    ["fill", "ab/cd", "aabb/ccdd"],
  ])("by %s makes %s into %s", (fit, from, to) => {
    expect(lettersOf(fitImage(squares(from), squares(to), fit))).toBe(to);
  });

  test("returns a picture of that size as it is", () => {
    const image = drawn(5, 4);
    for (const fit of ["cover", "contain", "fill"] as const) {
      expect(fitImage(image, { width: 5, height: 4 }, fit)).toBe(image);
    }
  });

  test("takes as little of a very long picture as it needs", () => {
    const long = plainImage(1, 60_000, 9);
    expect(fitImage(long, { width: 64, height: 64 }, "cover")).toEqual(plainImage(64, 64, 9));
    const thin = fitImage(long, { width: 63, height: 2 }, "contain");
    expect(reds(thin).filter((level) => level === 9)).toHaveLength(2);
  });

  test("refuses a size that is none", () => {
    expect(() => fitImage(drawn(2, 2), { width: 2.5, height: 2 })).toThrow(
      "Cannot fit an image to 2.5x2 pixels: positive whole numbers are required for both",
    );
  });
});

describe("fitMask()", () => {
  test("crops and pads as the picture is, and is black or white", () => {
    const mask = squares("w.w/w.w", 4);
    expect(lettersOf(fitMask(mask, mask, { width: 2, height: 4 }), 2)).toBe("./.");
    expect(lettersOf(fitMask(mask, mask, { width: 12, height: 16 }, "contain"), 4)).toBe(".../w.w/w.w/...");
    expect(lettersOf(fitMask(mask, mask, { width: 6, height: 8 }, "fill"), 2)).toBe("w.w/w.w/w.w/w.w");
    expect(new Set(fitMask(mask, mask, { width: 7, height: 5 }).data)).toEqual(new Set([0, 255]));
  });

  test("is the mean of what it covers, split at half of white", () => {
    const mask = row(255, 255, 0, 0, 255, 0, 200, 57, 250, 4);
    expect(reds(fitMask(mask, mask, { width: 5, height: 1 }, "fill"))).toEqual([255, 0, 255, 255, 0]);
  });

  test("of another size than its picture is stretched over it first", () => {
    const mask = squares("w./w.", 4);
    const picture = { width: 16, height: 4 };
    expect(lettersOf(fitMask(mask, picture, { width: 4, height: 4 }), 2)).toBe("w./w.");
  });

  test("stays as it is where nothing changes, grey levels too", () => {
    const mask = row(0, 100, 200);
    expect(fitMask(mask, mask, { width: 3, height: 1 })).toBe(mask);
  });
});

describe("fittedSize()", () => {
  test.each([
    [{ width: 515, height: 389 }, 8, {}, { width: 512, height: 384 }],
    [{ width: 512, height: 384 }, 64, {}, { width: 512, height: 384 }],
    [{ width: 3, height: 900 }, 8, { width: 8, height: 896 }, { width: 8, height: 896 }],
    [{ width: 1000, height: 500 }, 8, { width: 512 }, { width: 512, height: 256 }],
    [{ width: 1000, height: 700 }, 8, { height: 512 }, { width: 728, height: 512 }],
    [{ width: 1000, height: 700 }, 8, { width: 100, height: 30 }, { width: 100, height: 30 }],
  ])("of %o by %d with %o asked for is %o", (image, multiple, asked, size) => {
    expect(fittedSize(image, multiple, asked)).toEqual(size);
  });

  test.each([
    [{ width: 3, height: 900 }, {}, "a picture of 3x900 pixels: a side would be 3, and multiples of 8"],
    [{ width: 1, height: 1 }, {}, "give both a width and a height"],
    [{ width: 1000, height: 7 }, { width: 512 }, "a side would be 3.6"],
  ])("of %o with %o asked for is refused, as a side would vanish", (image, asked, message) => {
    expect(() => fittedSize(image, 8, asked)).toThrow(message);
  });
});
