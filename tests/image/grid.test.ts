import { describe, expect, test } from "vitest";
import { dotAt } from "../../src/image/font.ts";
import { drawGrid } from "../../src/image/grid.ts";
import { paste, plainImage, type RgbImage, rgbImage } from "../../src/image/rgb-image.ts";

const greyAt = ({ data, width }: RgbImage, x: number, y: number): number => data[(y * width + x) * 3]!;
const darkRows = (image: RgbImage): number[] =>
  Array.from({ length: image.height }, (_, y) => y).filter((y) =>
    Array.from({ length: image.width }, (_, x) => greyAt(image, x, y)).includes(0),
  );

describe("drawGrid()", () => {
  test("puts images side by side and rows below one another", () => {
    const upper = { images: [plainImage(4, 3, 10), plainImage(4, 3, 20)] };
    const lower = { images: [plainImage(5, 2, 30)] };
    const grid = drawGrid([upper, lower], { margin: 2 });
    expect([grid.width, grid.height]).toEqual([2 + 4 + 2 + 4 + 2, 2 + 3 + 2 + 2 + 2]);
    expect([
      greyAt(grid, 2, 2),
      greyAt(grid, 5, 4),
      greyAt(grid, 8, 2),
      greyAt(grid, 2, 7),
      greyAt(grid, 6, 8),
    ]).toEqual([10, 10, 20, 30, 30]);
    expect([greyAt(grid, 6, 2), greyAt(grid, 2, 5), greyAt(grid, 0, 0), greyAt(grid, 12, 7)]).toEqual([
      255, 255, 255, 255,
    ]);
  });

  test("writes a label above its row", () => {
    const grid = drawGrid([{ label: "I", images: [plainImage(20, 4, 100)] }], { margin: 2, labelScale: 1 });
    expect([grid.width, grid.height]).toEqual([24, 2 + 8 + 1 + 4 + 2]);
    expect(darkRows(grid)).toEqual([2, 3, 4, 5, 6, 7, 8]);
    expect(greyAt(grid, 2, 11)).toBe(100);
  });

  test("draws a long label smaller, and widens the grid only when that is not enough", () => {
    const images = [plainImage(30, 4)];
    expect(drawGrid([{ label: "12345", images }], { margin: 0, labelScale: 3 }).width).toBe(30);
    expect(drawGrid([{ label: "123456789", images }], { margin: 0, labelScale: 3 }).width).toBe(9 * 6 - 1);
  });

  test("refuses to draw nothing", () => {
    expect(() => drawGrid([])).toThrow("without images");
    expect(() => drawGrid([{ label: "x", images: [] }])).toThrow("without images");
  });
});

describe("the font", () => {
  const drawn = (character: string): string =>
    Array.from({ length: 8 }, (_, y) =>
      Array.from({ length: 5 }, (_, x) => (dotAt(character, x, y) ? "#" : ".")).join(""),
    ).join("\n");

  test("has a different glyph for every ASCII character", () => {
    const ascii = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i));
    expect(new Set(ascii.map(drawn)).size).toBe(95);
  });

  test("draws letters as one would", () => {
    expect(drawn("N")).toBe("#...#\n#...#\n##..#\n#.#.#\n#..##\n#...#\n#...#\n.....");
  });

  test("shows a box for what it lacks, and relatives for what is close", () => {
    expect(drawn("猫")).toBe(drawn("\u0007"));
    expect(drawn("×")).toBe(drawn("x"));
  });
});

describe("RgbImage", () => {
  test("paste() refuses what does not fit", () => {
    expect(() => paste(plainImage(2, 2), plainImage(2, 1), 1, 0)).toThrow("Cannot paste 2x1 pixels at (1, 0) of 2x2");
  });

  test("rgbImage() checks the size", () => {
    expect(() => rgbImage(2, 2, new Uint8Array(11))).toThrow("it takes 12 bytes, not 11");
    expect(() => rgbImage(0, 2, new Uint8Array())).toThrow("both must be positive integers");
  });
});
