import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fixturePath } from "../fixtures.ts";

const LETTERS = [..."abcdefghijklmnopqrstuvwxyz"];

/** The tiny CLIP of the fixtures with a vocabulary of single letters, which its few tokens are enough for, in `folder`. */
export const writeClipFolder = (folder: string): void => writeFolder("models/clip-both", folder);

/** The same in OpenCLIP's layout, of another model. */
export const writeOpenClipFolder = (folder: string): void => writeFolder("perceptual/open-clip", folder);

function writeFolder(fixture: string, folder: string): void {
  cpSync(fixturePath(fixture), folder, { recursive: true });
  const pieces = [...LETTERS, ...LETTERS.map((letter) => `${letter}</w>`), "<|startoftext|>", "<|endoftext|>"];
  writeFileSync(join(folder, "vocab.json"), JSON.stringify(Object.fromEntries(pieces.map((piece, id) => [piece, id]))));
  writeFileSync(join(folder, "merges.txt"), "#version: 0.2\n");
}
