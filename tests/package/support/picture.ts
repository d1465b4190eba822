import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { decodePng, type RgbImage } from "../../../src/image.ts";
import { pipeline } from "../../../src/index.ts";
import { succeed } from "./run.ts";

/** Runs `program` with the path of a picture as its last parameter, and compares that with what the sources make. */
export async function expectPicture(program: string, parameters: readonly string[], folder: string): Promise<void> {
  const path = join(folder, `${crypto.randomUUID()}.png`);
  await succeed(program, [...parameters, path], folder);
  const { width, height, data } = decodePng(readFileSync(path)).image;
  const expected = await picture();
  expect([width, height]).toEqual([expected.width, expected.height]);
  expect(Buffer.from(data).equals(Buffer.from(expected.data))).toBe(true);
}

let made: Promise<RgbImage> | undefined;

/** What the programs of consumers/ make. */
function picture(): Promise<RgbImage> {
  made ??= makePicture();
  return made;
}

async function makePicture(): Promise<RgbImage> {
  await using pipe = await pipeline("text-to-image");
  return (await pipe("a fox on a teal background", { seed: 1, steps: 4, cache: 2 })).image;
}
