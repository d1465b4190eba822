import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type GeneratedImage, generatedImage } from "../../src/image/generated-image.ts";
import { formatParameters, PARAMETERS_KEYWORD, parseParameters } from "../../src/image/parameters.ts";
import { decodePng } from "../../src/image/png.ts";
import { readPngText } from "../../src/image/png-text.ts";
import { readImageInput } from "../../src/image/read-image.ts";
import { psnr } from "../../src/metrics/psnr.ts";
import { lettersOf, squares } from "../support/pictures.ts";

const picture = squares("abc/def");
const prompt = "a fox, “red”, 猫";
const parameters = formatParameters({ prompt, settings: { Steps: 20, Sampler: "ddim", Seed: 7, Size: "48x32" } });
const text = { [PARAMETERS_KEYWORD]: parameters, note: "kept" };
const image: GeneratedImage = generatedImage({ image: picture, seed: 7, prompt, text });

/** The text of the EXIF user comment of a file, found by sharp. */
async function commentOf(file: Uint8Array): Promise<string | undefined> {
  const { exif } = await sharp(file).metadata();
  const start = exif?.indexOf("UNICODE\0") ?? -1;
  return start < 0
    ? undefined
    : exif
        ?.subarray(start + 8)
        .swap16()
        .toString("utf16le");
}

describe("a generated image", () => {
  test("tells what it was made of, and is measured as any image is", () => {
    expect(image).toMatchObject({ ...picture, seed: 7, prompt, parameters });
    expect(parseParameters(image.parameters)).toMatchObject({ prompt, settings: { Seed: "7" } });
    expect(psnr(image, picture)).toBe(Number.POSITIVE_INFINITY);
  });

  test("has no parameters where no text is given", () => {
    expect(generatedImage({ image: picture, seed: 0, prompt: "", text: {} }).parameters).toBe("");
  });

  test("is a PNG with its text, or without", () => {
    expect(decodePng(image.png())).toEqual({ image: picture, text });
    expect(decodePng(image.png({ metadata: true }))).toEqual({ image: picture, text });
    expect(decodePng(image.png({ metadata: false }))).toEqual({ image: picture, text: {} });
  });

  test("is a data URL that reads back", async () => {
    expect(image.dataURL()).toMatch(/^data:image\/png;base64,iVBORw0KGgo/);
    expect(await readImageInput(image.dataURL())).toEqual(picture);
  });

  test("keeps its ways out when they are taken off it", () => {
    const { png, dataURL } = image;
    expect(dataURL()).toContain(Buffer.from(png()).toString("base64"));
  });
});

describe("blob()", () => {
  test("is a PNG unless told otherwise", async () => {
    const blob = await image.blob();
    expect(blob.type).toBe("image/png");
    expect(new Uint8Array(await blob.arrayBuffer())).toEqual(image.png());
  });

  test.each(["image/jpeg", "image/webp"] as const)(
    "as %s shows the picture and carries its parameters",
    async (type) => {
      const blob = await image.blob(type);
      const bytes = new Uint8Array(await blob.arrayBuffer());
      expect(blob.type).toBe(type);
      expect(await sharp(bytes).metadata()).toMatchObject({ format: type.slice(6), width: 48, height: 32 });
      expect(lettersOf(await readImageInput(blob))).toBe("abc/def");
      expect(await commentOf(bytes)).toBe(parameters);
    },
  );

  test("is smaller with less quality", async () => {
    const sizes = await Promise.all([0, 0.5, 1].map(async (quality) => (await image.blob("image/jpeg", quality)).size));
    expect(sizes).toEqual(sizes.toSorted((a, b) => a - b));
    expect(new Set(sizes).size).toBe(3);
  });

  test("refuses other types and qualities outside 0 to 1", async () => {
    await expect(image.blob("image/gif" as never)).rejects.toThrow(
      'Cannot write an image as "image/gif": image/png, image/jpeg, image/webp are possible',
    );
    await expect(image.blob("image/jpeg", 80)).rejects.toThrow("quality 80: a number from 0 to 1 is required");
  });

  test("refuses a JPEG whose parameters are longer than a segment", async () => {
    const long = { [PARAMETERS_KEYWORD]: "x".repeat(40_000) };
    const wordy = generatedImage({ image: picture, seed: 0, prompt: "", text: long });
    await expect(wordy.blob("image/jpeg")).rejects.toThrow(
      "Cannot write 80052 bytes of metadata into a JPEG: it holds",
    );
    expect(await commentOf(new Uint8Array(await (await wordy.blob("image/webp")).arrayBuffer()))).toHaveLength(40_000);
  });
});

describe("imageData()", () => {
  const rgba = Uint8ClampedArray.from({ length: 48 * 32 * 4 }, (_, i) =>
    i % 4 === 3 ? 255 : picture.data[Math.floor(i / 4) * 3 + (i % 4)]!,
  );
  afterEach(() => vi.unstubAllGlobals());

  test("has the form of ImageData where the platform has none", () => {
    expect(image.imageData()).toEqual({ width: 48, height: 32, data: rgba, colorSpace: "srgb" });
  });

  test("is the platform's own where there is one", () => {
    class ImageData {
      constructor(
        readonly data: Uint8ClampedArray,
        readonly width: number,
        readonly height: number,
      ) {}
    }
    vi.stubGlobal("ImageData", ImageData);
    expect(image.imageData()).toBeInstanceOf(ImageData);
    expect(image.imageData()).toMatchObject({ width: 48, height: 32, data: rgba });
  });

  test("reads back as an input", async () => {
    expect(await readImageInput(image.imageData())).toEqual(picture);
  });
});

describe("save()", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "generated-image-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test.each(["a.png", "a.JPG", "a.jpeg", "a.webp"])(
    "writes %s, making its folders, and returns the path",
    async (name) => {
      const path = join(folder, "new", "folder", name);
      expect(await image.save(path)).toBe(path);
      expect(lettersOf(await readImageInput(path))).toBe("abc/def");
      expect(readdirSync(join(folder, "new", "folder"))).toEqual([name]);
    },
  );

  test("replaces what is there, with metadata or without", async () => {
    const path = join(folder, "a.png");
    writeFileSync(path, "old");
    await image.save(path);
    expect(readPngText(readFileSync(path))).toEqual(text);
    await image.save(path, { metadata: false });
    expect(readPngText(readFileSync(path))).toEqual({});
    const jpeg = await image.save(join(folder, "a.jpg"), { metadata: false, quality: 0.5 });
    expect(await commentOf(readFileSync(jpeg))).toBeUndefined();
  });

  test.each(["a.gif", "a", "png", "a.png.txt"])("refuses %s before anything is made", async (name) => {
    const path = join(folder, "new", name);
    await expect(image.save(path)).rejects.toThrow(
      `Cannot save an image as "${path}": its name must end in .png, .jpg, .jpeg, .webp`,
    );
    expect(existsSync(join(folder, "new"))).toBe(false);
  });

  test("leaves nothing behind where it cannot write", async () => {
    writeFileSync(join(folder, "file"), "");
    const below = join(folder, "file", "a.png");
    await expect(image.save(below)).rejects.toThrow(`Cannot write "${below}"`);
    mkdirSync(join(folder, "taken.png"));
    await expect(image.save(join(folder, "taken.png"))).rejects.toThrow("Cannot write");
    expect(readdirSync(folder).sort()).toEqual(["file", "taken.png"]);
  });
});
