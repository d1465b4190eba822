import { crc32 } from "node:zlib";
import fc from "fast-check";
import { encode, type ImageData } from "fast-png";
import { zlibSync } from "fflate";
import { describe, expect, test } from "vitest";
import { MOST_PIXELS } from "../../src/image/image-error.ts";
import { decodePng, encodePng, PngError } from "../../src/image/png.ts";
import { readPngText } from "../../src/image/png-text.ts";
import { plainImage, type RgbImage, rgbImage } from "../../src/image/rgb-image.ts";

const images: fc.Arbitrary<RgbImage> = fc
  .record({ width: fc.integer({ min: 1, max: 9 }), height: fc.integer({ min: 1, max: 9 }) })
  .chain(({ width, height }) =>
    fc
      .uint8Array({ minLength: width * height * 3, maxLength: width * height * 3 })
      .map((data) => rgbImage(width, height, data)),
  );
const keyword = fc.stringMatching(/^[a-zA-Z][a-zA-Z0-9_ ]{0,20}[a-z]$/);
const value = fc.oneof(fc.string(), fc.string({ unit: "grapheme" }), fc.string({ unit: "binary" }));

/** `png` with the chunk `type` that holds `data` behind its header. */
function withChunk(png: Uint8Array, type: string, data: Uint8Array): Uint8Array {
  const frame = Buffer.concat([new Uint8Array(4), Buffer.from(type), data, new Uint8Array(4)]);
  frame.writeUInt32BE(data.length);
  frame.writeUInt32BE(crc32(frame.subarray(4, -4)), data.length + 8);
  return Uint8Array.from(Buffer.concat([png.subarray(0, 33), frame, png.subarray(33)]));
}

describe("encodePng() and decodePng()", () => {
  test("bring back every pixel and every text", () => {
    fc.assert(
      fc.property(images, fc.dictionary(keyword, value, { maxKeys: 4, noNullPrototype: true }), (image, text) => {
        expect(decodePng(encodePng(image, text))).toEqual({ image, text });
      }),
    );
  });

  test("decode a view into a larger buffer", () => {
    const png = encodePng(plainImage(2, 3, 7), { Software: "x" });
    const shifted = new Uint8Array(png.length + 5);
    shifted.set(png, 5);
    expect(decodePng(shifted.subarray(5))).toEqual({ image: plainImage(2, 3, 7), text: { Software: "x" } });
  });
});

describe("text chunks", () => {
  const typesOf = (png: Uint8Array): string[] => {
    const types: string[] = [];
    const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
    for (let offset = 8; offset < png.length; offset += 12 + view.getUint32(offset)) {
      types.push(String.fromCharCode(...png.subarray(offset + 4, offset + 8)));
    }
    return types;
  };

  test.each([
    ["plain ASCII\nin two lines", "tEXt"],
    ["Größe 5 × 5 px", "tEXt"],
    ["猫", "iTXt"],
    ["Windows-1252 \u0091quotes\u0092", "iTXt"],
    ["bell \u0007", "iTXt"],
  ])("%j is stored as %s, ahead of the pixels", (text, type) => {
    const png = encodePng(plainImage(1, 1), { parameters: text });
    expect(typesOf(png)).toEqual(["IHDR", type, "IDAT", "IEND"]);
    expect(readPngText(png)).toEqual({ parameters: text });
  });

  test("written by others are read, compressed ones are skipped", () => {
    const foreign = encode({ width: 1, height: 1, channels: 3, data: new Uint8Array(3), text: { Title: "Bär" } });
    expect(readPngText(foreign)).toEqual({ Title: "Bär" });
    const compressed = encodePng(plainImage(1, 1), { Comment: "雪" });
    const flag = 33 + 8 + "Comment".length + 1;
    compressed[flag] = 1;
    expect(readPngText(compressed)).toEqual({});
  });

  test.each(["", "x".repeat(80), " leading", "猫", "line\nbreak"])("the keyword %j is refused", (name) => {
    expect(() => encodePng(plainImage(1, 1), { [name]: "" })).toThrow("a PNG keyword is 1 to 79 Latin-1 characters");
  });
});

describe("decodePng() reads every colour type", () => {
  const grey = [0, 0, 0, 85, 85, 85, 170, 170, 170, 255, 255, 255];
  const palette = [
    [1, 2, 3],
    [4, 5, 6],
    [7, 8, 9],
    [250, 251, 252],
  ];
  const base = { width: 4, height: 1 };
  test.each<[string, ImageData, number[]]>([
    ["grey", { ...base, channels: 1, data: Uint8Array.of(0, 85, 170, 255) }, grey],
    ["grey with alpha", { ...base, channels: 2, data: Uint8Array.of(0, 9, 85, 9, 170, 9, 255, 9) }, grey],
    ["2-bit grey", { ...base, channels: 1, depth: 2, data: Uint8Array.of(0b00011011) }, grey],
    ["16-bit grey", { ...base, channels: 1, depth: 16, data: Uint16Array.of(0, 0x55ff, 0xaa00, 0xffff) }, grey],
    ["2-bit palette", { ...base, channels: 1, depth: 2, palette, data: Uint8Array.of(0b00011011) }, palette.flat()],
    ["8-bit palette", { ...base, channels: 1, palette, data: Uint8Array.of(3, 2, 1, 0) }, palette.toReversed().flat()],
    [
      "RGBA",
      { ...base, channels: 4, data: Uint8Array.of(1, 2, 3, 0, 4, 5, 6, 9, 7, 8, 9, 9, 250, 251, 252, 9) },
      palette.flat(),
    ],
  ])("%s", (_, data, expected) => {
    expect(decodePng(encode(data)).image).toEqual(rgbImage(4, 1, Uint8Array.from(expected)));
  });
});

describe("decodePng() refuses", () => {
  const png = encodePng(plainImage(8, 8, 100), { note: "hello" });

  test("what is not a PNG", () => {
    expect(() => decodePng(new TextEncoder().encode("GIF89a"))).toThrow(PngError);
    expect(() => decodePng(new Uint8Array())).toThrow("does not start with the PNG signature");
  });

  test("a file that ends anywhere before its end", () => {
    for (let length = 0; length < png.length; length++) {
      expect(() => decodePng(png.subarray(0, length)), `${length} bytes`).toThrow(PngError);
    }
  });

  test("a file with a flipped bit", () => {
    for (const offset of [20, 40, png.length - 20]) {
      const damaged = png.slice();
      damaged[offset]! ^= 1;
      expect(() => decodePng(damaged), `byte ${offset}`).toThrow(PngError);
    }
  });

  /** 900 kB that inflate to more than the largest picture has. */
  const bomb = zlibSync(new Uint8Array(MOST_PIXELS * 3.5), { level: 9 });

  const cause = (message: string): unknown =>
    expect.objectContaining({ cause: expect.objectContaining({ message: expect.stringContaining(message) }) });

  test("data that inflates to more than the picture has", () => {
    expect(() => decodePng(withChunk(png, "IDAT", bomb))).toThrow(
      cause("it holds more than the 200 bytes of its rows"),
    );
  });

  test("a claim of more pixels than the data can hold", () => {
    const claiming = png.slice();
    for (const offset of [16, 20]) new DataView(claiming.buffer).setUint32(offset, 16_000);
    expect(() => decodePng(claiming)).toThrow(cause("compressed bytes cannot hold the 768016000 bytes of its rows"));
  });

  test("a claim of more pixels than there may be", () => {
    const huge = png.slice();
    new DataView(huge.buffer).setUint32(16, 2 ** 31 - 1);
    expect(() => decodePng(huge)).toThrow("it claims 2147483647x8 pixels");
  });
});

test("decodePng() does not look at a colour profile, so that one that is broken or huge does no harm", () => {
  const broken = withChunk(encodePng(plainImage(8, 8, 100)), "iCCP", Uint8Array.of(65, 0, 0, 1, 2, 3));
  expect(decodePng(broken).image).toEqual(plainImage(8, 8, 100));
});
