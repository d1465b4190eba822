import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { ImageError } from "../../src/image/image-error.ts";
import { encodePng } from "../../src/image/png.ts";
import { type ImageInput, readImageInput } from "../../src/image/read-image.ts";
import { plainImage } from "../../src/image/rgb-image.ts";
import { fileOf, lettersOf, squares, withSharp } from "../support/pictures.ts";

const folder = mkdtempSync(join(tmpdir(), "read-image-"));
afterAll(() => rmSync(folder, { recursive: true }));
const write = (name: string, content: Uint8Array | string): string => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};

const picture = squares("abc/def");
const png = encodePng(picture);
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

/** What reading `input` fails with. */
const refusal = async (input: unknown): Promise<string> => {
  const error = await readImageInput(input as ImageInput).then(
    () => undefined,
    (cause: unknown) => cause,
  );
  expect(error).toBeInstanceOf(ImageError);
  return (error as ImageError).message;
};

describe("readImageInput() takes", () => {
  const path = write("a.png", png);
  const rgba = Uint8ClampedArray.from({ length: 48 * 32 * 4 }, (_, i) =>
    i % 4 === 3 ? i % 256 : picture.data[Math.floor(i / 4) * 3 + (i % 4)]!,
  );
  test.each<[string, ImageInput]>([
    ["a path", path],
    ["a file: URL", pathToFileURL(path)],
    ["a file: URL as text", pathToFileURL(path).href],
    ["a data URL", `data:image/png;base64,${base64(png)}`],
    ["a data: URL with escapes", new URL(`data:;base64,${encodeURIComponent(base64(png))}`)],
    ["bytes", png],
    ["Node's bytes", Buffer.from(png)],
    ["bytes amid others", Uint8Array.of(1, 2, ...png).subarray(2)],
    ["a buffer", png.buffer],
    ["a Blob", new Blob([png])],
    ["pixels", picture],
    ["pixels with alpha", { width: 48, height: 32, data: rgba }],
  ])("%s", async (_, input) => {
    expect(await readImageInput(input)).toEqual(picture);
  });

  test.each(["jpeg", "webp"] as const)("%s, whatever its name says", async (format) => {
    const path = write("mislabelled.png", await fileOf(picture, format));
    expect(lettersOf(await readImageInput(path))).toBe("abc/def");
  });

  test("PNGs of 16 bits, interlaced, with alpha, and with a palette", async () => {
    const files = [
      withSharp(picture).toColourspace("rgb16").png(),
      withSharp(picture).png({ progressive: true }),
      withSharp(picture).ensureAlpha(0.5).png(),
      withSharp(picture).png({ palette: true }),
    ];
    for (const file of files) expect(await readImageInput(await file.toBuffer())).toEqual(picture);
  });

  test("JPEGs of grey and of CMYK, and WebPs with alpha, which is dropped", async () => {
    const grey = await readImageInput(await withSharp(squares("gw")).greyscale().jpeg().toBuffer());
    expect([grey.data.length, lettersOf(grey)]).toEqual([32 * 16 * 3, "gw"]);
    const print = await withSharp(squares("w.")).toColourspace("cmyk").jpeg().toBuffer();
    expect(lettersOf(await readImageInput(print))).toBe("w.");
    const clear = await withSharp(picture).ensureAlpha(0.5).webp({ lossless: true }).toBuffer();
    expect(await readImageInput(clear)).toEqual(picture);
  });
});

test("readImageInput() applies the colour profile of a JPEG", async () => {
  const profiled = await withSharp(squares("a")).withIccProfile("p3").jpeg({ quality: 100 }).toBuffer();
  const levels = (await readImageInput(profiled)).data.subarray(0, 3);
  for (const [i, level] of [255, 0, 0].entries()) expect(Math.abs(levels[i]! - level)).toBeLessThanOrEqual(4);
});

describe("readImageInput() turns upright", () => {
  const SEEN = ["abc/def", "cba/fed", "fed/cba", "def/abc", "ad/be/cf", "da/eb/fc", "fc/eb/da", "cf/be/ad"];
  const cases = SEEN.flatMap((seen, i) =>
    (["png", "jpeg", "webp"] as const).map((format) => [format, i + 1, seen] as const),
  );
  test.each(cases)("a %s of orientation %d: %s", async (format, orientation, seen) => {
    expect(lettersOf(await readImageInput(await fileOf(picture, format, orientation)))).toBe(seen);
  });
});

describe("readImageInput() refuses", () => {
  test.each([
    ["gif", "it is a GIF"],
    ["avif", "it is an AVIF"],
    ["tiff", "it is a TIFF"],
  ] as const)("a %s by its name", async (format, found) => {
    const path = write("picture.png", await fileOf(picture, format));
    expect(await refusal(path)).toBe(
      `Cannot read the picture "${path}": ${found}, and a PNG, JPEG or WebP is required`,
    );
  });

  test.each([
    ["\0\0\0\x18ftypheic", "it is a HEIC"],
    ["BM6\0\0\0", "it is a BMP"],
    ['<?xml version="1.0"?>\n<svg xmlns="">', "it is an SVG"],
    ["<svg>", "it is an SVG"],
    ["<!DOCTYPE html><html>", "it is an HTML page"],
    ["RIFF\0\0\0\0WAVE", "it begins with 52 49 46 46"],
    ["hi", "it begins with 68 69"],
  ])("%j", async (text, found) => {
    expect(await refusal(new TextEncoder().encode(text))).toBe(
      `Cannot read the picture: ${found}, and a PNG, JPEG or WebP is required`,
    );
  });

  test("an empty file and a file that is not there", async () => {
    expect(await refusal(new Uint8Array())).toBe("Cannot read the picture: it is empty");
    const missing = join(folder, "missing.png");
    expect(await refusal(missing)).toBe(`Cannot read the picture "${missing}": no such file or directory`);
    expect(await refusal(folder)).toBe(`Cannot read the picture "${folder}": illegal operation on a directory`);
  });

  test.each(["https://example.org/a.png", "HTTP://example.org", new URL("https://example.org/a.png"), "blob:null/1"])(
    "%s without fetching it",
    async (url) => {
      expect(await refusal(url)).toBe(`Cannot read the picture "${url}": nothing is fetched, give its bytes or a path`);
    },
  );

  test.each([
    [new URL("ftp://example.org/a"), ' "ftp://example.org/a": a file: or data: URL is required'],
    ["data:image/svg+xml,<svg>", ': a data URL must hold base64, "data:image/png;base64,…"'],
    ["data:image/png;base64,*", ": what its data URL holds is not base64"],
  ])("%s", async (url, message) => {
    expect(await refusal(url)).toBe(`Cannot read the picture${message}`);
  });

  test.each([[42], [null], [["a.png"]], [{ width: 1, height: 1 }], [{ width: 1, height: 1, data: [1, 2, 3] }]])(
    "%j, which is none of these",
    async (input) => {
      await expect(readImageInput(input as never)).rejects.toThrow(TypeError);
      await expect(readImageInput(input as never)).rejects.toThrow(
        "a path, a URL, bytes, a Blob or pixels are required",
      );
    },
  );

  test("pixels of another number than the size says", async () => {
    const input = { width: 2, height: 2, data: new Uint8Array(13) };
    await expect(readImageInput(input)).rejects.toThrow("it takes 12 bytes, not 13");
  });

  test.each(["png", "jpeg", "webp"] as const)("a %s that ends anywhere before its end", async (format) => {
    const whole = await fileOf(picture, format);
    for (let length = 12; length < whole.length; length += 7) {
      expect(await refusal(whole.subarray(0, length)), `${length} bytes`).toMatch(
        /^Cannot read the picture( of \d+ bytes: it is damaged or cut off|: it ends after \d+ bytes)$/,
      );
    }
  });

  test("sizes that are only claimed, before memory is taken for them", async () => {
    const claims = (width: number, height: number): Uint8Array => {
      const claiming = png.slice();
      new DataView(claiming.buffer).setUint32(16, width);
      new DataView(claiming.buffer).setUint32(20, height);
      return claiming;
    };
    expect(await refusal(claims(60_000, 60_000))).toBe(
      "Cannot read the picture: it claims 60000x60000 pixels, allowed are 268435456 in all",
    );
    expect(await refusal(claims(16_000, 16_000))).toContain("it is damaged or cut off");
    const jpeg = Buffer.from(await fileOf(picture, "jpeg"));
    const frame = jpeg.indexOf(Uint8Array.of(0xff, 0xc0));
    for (const side of [frame + 5, frame + 7]) jpeg.writeUInt16BE(60_000, side);
    expect(await refusal(jpeg)).toContain("it claims 60000x60000 pixels");
  });

  test("a picture that is longer than any JPEG", async () => {
    expect(await refusal(encodePng(plainImage(70_000, 1)))).toBe(
      "Cannot read the picture: it has 70000x1 pixels, allowed are 65535 along a side",
    );
  });
});

describe("without sharp", () => {
  const hidden = `export const resolve = (name, context, next) => {
    if (name === "sharp") throw new Error("Cannot find package 'sharp'");
    return next(name, context);
  };`;
  const source = (name: string): string => JSON.stringify(new URL(`../../src/image/${name}`, import.meta.url).href);
  const program = `
    import { register } from "node:module";
    register("data:text/javascript," + encodeURIComponent(${JSON.stringify(hidden)}));
    const { readImageInput } = await import(${source("read-image.ts")});
    const { generatedImage } = await import(${source("generated-image.ts")});
    const image = await readImageInput(process.argv[1]);
    const made = generatedImage({ image, seed: 1, prompt: "", text: {} });
    for (const fail of [() => readImageInput(process.argv[2]), () => made.blob("image/webp")]) {
      await fail().catch(({ name, message }) => console.log(name + ": " + message));
    }
    console.log(image.width, (await made.blob()).type);`;

  test("PNG is read and written, and other formats say what they need", async () => {
    const jpeg = write("a.jpg", await fileOf(picture, "jpeg"));
    const args = ["--import", "tsx", "--input-type=module", "--eval", program, write("b.png", png), jpeg];
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
    expect(stderr).toBe("");
    const needed = 'takes the optional package "sharp", which "npm i sharp" installs';
    expect(stdout.trim().split("\n")).toEqual([
      `ImageError: Cannot read the picture "${jpeg}": JPEG ${needed}`,
      `ImageError: Cannot write an image: WebP ${needed}`,
      "48 image/png",
    ]);
  });
});

test("what is read can be named", async () => {
  await expect(readImageInput("a.gif", { what: "the mask" })).rejects.toThrow('Cannot read the mask "a.gif"');
});
