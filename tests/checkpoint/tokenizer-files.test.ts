import { join } from "node:path";
import { expect, test } from "vitest";
import { CheckpointError } from "../../src/checkpoint/errors.ts";
import { readTokenizerFiles } from "../../src/checkpoint/folder/tokenizer-files.ts";
import { loadClipTokenizer } from "../../src/tokenizer/clip-tokenizer.ts";
import { fixturePath } from "../support/fixtures.ts";
import { temporaryFolder } from "./files.ts";

test.each([
  ["sd15/model/tokenizer", "<|endoftext|>"],
  ["sdxl/model/tokenizer", "<|endoftext|>"],
  ["sdxl/model/tokenizer_2", "!"],
])("readTokenizerFiles() gathers the tokenizer of %s", async (folder, pad) => {
  const files = await readTokenizerFiles(fixturePath(`pipelines/${folder}`));
  const tokenizer = loadClipTokenizer(files);
  const { ids, truncated } = tokenizer.encode("a photo of an astronaut");
  expect(truncated).toBe(false);
  expect(ids).toHaveLength(77);
  expect(tokenizer.pad).toBe(files.vocab?.[pad]);
});

test("readTokenizerFiles() says what it cannot read", async () => {
  const folder = temporaryFolder({ "vocab.json": "[]" });
  await expect(readTokenizerFiles(join(folder, "none"))).rejects.toThrow("there is no such folder");
  await expect(readTokenizerFiles(folder)).rejects.toThrow(
    new CheckpointError(`Cannot read "${join(folder, "vocab.json")}": it is not a JSON object`),
  );
  const bad = temporaryFolder({ "merges.txt": new Uint8Array([0xff]) });
  await expect(readTokenizerFiles(bad)).rejects.toThrow("it is not UTF-8 text");
});
