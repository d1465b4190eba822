import { readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { makeFolder, writeWhole } from "../checkpoint/files/write.ts";
import { ImageError } from "./image-error.ts";
import { encodePng } from "./png.ts";
import type { PngText } from "./png-text.ts";
import type { RgbImage } from "./rgb-image.ts";

/** The bytes of the file at `path`; `what` names it where it cannot be read. */
export async function readBytes(path: string | URL, what: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new ImageError(`Cannot read ${what}: ${reasonOf(cause)}`);
  }
}

/** "ENOENT: no such file or directory, open 'a.png'" says the path again. */
const reasonOf = (cause: unknown): string =>
  cause instanceof Error ? cause.message.replace(/^[A-Z]+: ([^,]+),.*$/s, "$1") : String(cause);

/** Writes `image` as a PNG file that carries `text`, replacing what is at `path`. */
export function writeImage(path: string, image: RgbImage, text: PngText = {}): void {
  writeWhole(path, encodePng(image, text));
}

/** Writes `content` to `path` as a whole, making the folders that it lies in. */
export async function writeInFolder(path: string, content: Uint8Array): Promise<void> {
  try {
    makeFolder(dirname(path));
  } catch (cause) {
    throw new Error(`Cannot write "${path}"`, { cause });
  }
  writeWhole(path, content);
}
