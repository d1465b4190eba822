import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { writeImage } from "../../src/image/files.ts";
import { decodePng } from "../../src/image/png.ts";
import { plainImage } from "../../src/image/rgb-image.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "write-image-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

test("writeImage() writes a PNG and replaces an older one", () => {
  const path = join(folder, "a.png");
  writeImage(path, plainImage(1, 1));
  writeImage(path, plainImage(3, 2, 9), { parameters: "猫" });
  expect(decodePng(readFileSync(path))).toEqual({ image: plainImage(3, 2, 9), text: { parameters: "猫" } });
  expect(readdirSync(folder)).toEqual(["a.png"]);
});

test("writeImage() leaves nothing behind when it fails", () => {
  mkdirSync(join(folder, "taken"));
  const taken = join(folder, "taken");
  expect(() => writeImage(taken, plainImage(1, 1))).toThrow(`Cannot write "${taken}"`);
  expect(readdirSync(folder)).toEqual(["taken"]);
});
