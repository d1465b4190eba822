import { ImageError } from "../image-error.ts";

// In a browser, this stands in for files.ts (package.json, "browser").

/** Refuses: a page has no paths. */
export async function readBytes(_path: string | URL, what: string): Promise<Uint8Array> {
  throw new ImageError(
    `Cannot read ${what}: a page has no files under paths; give bytes, a Blob, a data URL or pixels`,
  );
}

/** Refuses: a page has no folders. */
export async function writeInFolder(path: string): Promise<void> {
  throw new ImageError(
    `Cannot write "${path}": a page has no folders; image.blob() gives what it can offer for download`,
  );
}
