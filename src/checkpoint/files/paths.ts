import { quote } from "../bytes/limits.ts";
import { CheckpointError } from "../errors.ts";

/**
 * Whether `path` is relative and stays below where it starts, in letters that every disk and address takes: no half of one of
 * two UTF-16 units. Names are looked at, not links: in the Hugging Face cache every file is a link that leaves its folder.
 */
export const isBelow = (path: string): boolean =>
  !/[\\\0]|\p{Surrogate}/u.test(path) && path.split("/").every((name) => name !== "" && name !== "." && name !== "..");

/** `path` as it is, refusing one that is absolute or could leave the folder that messages call `folder`. */
export function checkBelow(folder: string, path: string): string {
  if (isBelow(path)) return path;
  throw new CheckpointError(`Cannot open ${quote(path)} of "${folder}": it is no path below this folder`);
}

/** What there is to say of a folder that cannot be listed; `wanted` is what it was to be used as. */
export const folderError = (wanted: string, name: string, reason: string, cause?: unknown): CheckpointError =>
  new CheckpointError(`Cannot read ${wanted} "${name}"${reason}`, { cause, code: "MODEL_NOT_FOUND" });
