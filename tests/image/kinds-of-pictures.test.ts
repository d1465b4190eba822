import { describe, expect, test } from "vitest";
import { readImageInput } from "../../src/image/read-image.ts";
import { rgbImage } from "../../src/image/rgb-image.ts";
import { maskOf } from "../../src/pipelines/text-to-image/inpainting-mask.ts";
import { readJson } from "../support/fixtures.ts";

interface Picture {
  readonly file: string;
  readonly width: number;
  readonly height: number;
  readonly rgb: string;
  /** Where a mask paints anew, a digit for each pixel. */
  readonly painted?: string;
}

const { pictures } = readJson("pictures.json") as { pictures: Readonly<Record<string, Picture>> };
const bytesOf = (base64: string): Uint8Array => Uint8Array.from(Buffer.from(base64, "base64"));

describe("readImageInput() reads what diffusers' load_image reads, grey of 16 bits apart", () => {
  test.each(Object.entries(pictures))("%s", async (_, { file, width, height, rgb }) => {
    expect(await readImageInput(bytesOf(file))).toEqual(rgbImage(width, height, bytesOf(rgb)));
  });
});

describe("a mask paints where diffusers' paints", () => {
  const masks = Object.entries(pictures).flatMap(([name, { file, painted }]) =>
    painted === undefined ? [] : [{ name, file, painted }],
  );
  test.each(masks)("$name", async ({ file, painted }) => {
    expect([...maskOf(await readImageInput(bytesOf(file))).data].join("")).toBe(painted);
  });
});
