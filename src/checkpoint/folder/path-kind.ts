import { stat } from "node:fs/promises";
import { CheckpointError } from "../errors.ts";

/** Whether a model lies in a folder or in one file. */
export async function pathKind(path: string): Promise<"folder" | "file"> {
  try {
    return (await stat(path)).isDirectory() ? "folder" : "file";
  } catch (cause) {
    throw new CheckpointError(`Cannot open the model "${path}": there is no such file or folder`, {
      cause,
      code: "MODEL_NOT_FOUND",
    });
  }
}
