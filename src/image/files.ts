import { constants, openSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { Socket } from "node:net";
import { dirname } from "node:path";
import { readUntil } from "../checkpoint/files/read-until.ts";
import { makeFolder, writeWhole } from "../checkpoint/files/write.ts";
import { ImageError } from "./image-error.ts";
import { encodePng } from "./png.ts";
import type { PngText } from "./png-text.ts";
import type { RgbImage } from "./rgb-image.ts";

/** The bytes of the file or the pipe at `path`; `what` names it where it cannot be read. */
export async function readBytes(path: string | URL, what: string, signal?: AbortSignal): Promise<Uint8Array> {
  try {
    return await readAll(path, signal);
  } catch (cause) {
    signal?.throwIfAborted();
    throw new ImageError(`Cannot read ${what}: ${reasonOf(cause)}`); // the cause would say the path again
  }
}

/** All of a file, or of what is written to a pipe until it is closed; a signal ends the waiting. */
export async function readAll(path: string | URL, signal?: AbortSignal): Promise<Uint8Array> {
  signal?.throwIfAborted();
  if (!(await stat(path)).isFIFO()) return await readFile(path);
  // Opened in the plain way, a pipe that nobody writes to would hold up the end of the process.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return await readUntil(new Socket({ fd, readable: true, writable: false }), signal);
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
