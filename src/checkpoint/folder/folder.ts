import { readdir } from "node:fs/promises";
import { CheckpointError } from "../errors.ts";

/** Names of what lies in `path`; `purpose` is what a message says it was wanted for. */
export async function listFolder(path: string, purpose: string): Promise<ReadonlySet<string>> {
  try {
    return new Set(await readdir(path));
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    const reason = code === "ENOENT" ? ": there is no such folder" : code === "ENOTDIR" ? ": it is not a folder" : "";
    throw new CheckpointError(`Cannot read ${purpose} "${path}"${reason}`, { cause, code: "MODEL_NOT_FOUND" });
  }
}
