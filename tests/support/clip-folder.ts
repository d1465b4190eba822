import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fixturePath } from "./fixtures.ts";

const LETTERS = [..."abcdefghijklmnopqrstuvwxyz"];

/** The tiny CLIP of the fixtures with a vocabulary of single letters, which its few tokens are enough for, in `folder`. */
export function writeClipFolder(folder: string): void {
  cpSync(fixturePath("models/clip-both"), folder, { recursive: true });
  const pieces = [...LETTERS, ...LETTERS.map((letter) => `${letter}</w>`), "<|startoftext|>", "<|endoftext|>"];
  writeFileSync(join(folder, "vocab.json"), JSON.stringify(Object.fromEntries(pieces.map((piece, id) => [piece, id]))));
  writeFileSync(join(folder, "merges.txt"), "#version: 0.2\n");
}
