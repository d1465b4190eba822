import { access, constants, stat } from "node:fs/promises";
import { dirname, extname } from "node:path";

/** `out.png` for one image; `out-1.png`, `out-2.png`, … for several. */
export function numberedPaths(path: string, count: number): string[] {
  if (count === 1) return [path];
  const extension = extname(path);
  const stem = path.slice(0, path.length - extension.length);
  return Array.from({ length: count }, (_, i) => `${stem}-${i + 1}${extension}`);
}

/** Refuses an output that could not be written, before the work is done. */
export async function checkWritable(path: string): Promise<void> {
  const folder = dirname(path);
  try {
    await access(folder, constants.W_OK);
  } catch (cause) {
    throw new Error(`Cannot write "${path}": folder "${folder}" is missing or not writable`, { cause });
  }
  const existing = await stat(path).catch(() => undefined);
  if (existing?.isDirectory() === true) throw new Error(`Cannot write "${path}": it is a folder`);
}
