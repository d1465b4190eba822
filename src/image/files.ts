import { randomBytes } from "node:crypto";
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { encodePng } from "./png.ts";
import type { PngText } from "./png-text.ts";
import type { RgbImage } from "./rgb-image.ts";

/** Writes `image` as a PNG file that carries `text`, replacing what is at `path`. */
export function writeImage(path: string, image: RgbImage, text: PngText = {}): void {
  writeWhole(path, encodePng(image, text));
}

/**
 * Writes `content` to a temporary name beside `path` and renames it: `path` never holds a part of a file. Synchronous, so
 * that an interrupt handler cannot run in between.
 */
export function writeWhole(path: string, content: Uint8Array | string): void {
  const temporary = `${path}.${randomBytes(6).toString("hex")}.part`;
  try {
    writeFileSync(temporary, content, { flag: "wx" });
    renameSync(temporary, path);
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw new Error(`Cannot write "${path}"`, { cause });
  }
}
