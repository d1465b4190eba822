import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { pictureFolder } from "../../src/cli/evaluate/reference.ts";
import { fileOf, lettersOf, squares } from "../support/pictures.ts";

const folder = mkdtempSync(join(tmpdir(), "deepcache-pictures-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("a folder's pictures are its PNG, JPEG and WebP files in the order of their names", async () => {
  writeFileSync(join(folder, "a.PNG"), await fileOf(squares("a"), "png"));
  writeFileSync(join(folder, "b.jpg"), await fileOf(squares("b"), "jpeg"));
  writeFileSync(join(folder, "c.JPEG"), await fileOf(squares("c"), "jpeg"));
  writeFileSync(join(folder, "d.webp"), await fileOf(squares("d"), "webp"));
  writeFileSync(join(folder, "e.txt"), "captions");
  const { count, read } = await pictureFolder(folder);
  expect(count).toBe(4);
  expect((await read(0, 4)).map((image) => lettersOf(image)).join("")).toBe("abcd");
  expect((await read(1, 3)).map((image) => lettersOf(image)).join("")).toBe("bc");
});

test("a picture that cannot be read is named", async () => {
  const path = join(folder, "f.png");
  writeFileSync(path, "GIF89a");
  const { read } = await pictureFolder(folder);
  await expect(Promise.resolve(read(4, 5))).rejects.toThrow(`Cannot read the picture "${path}": it is a GIF`);
});
