import { filesOf } from "../checkpoint/files/place.ts";
import type { Files, FolderLike } from "../checkpoint/files.ts";
import { MODEL_INDEX } from "../checkpoint/folder/index-file.ts";
import { type ModelIndex, readModelIndex } from "../checkpoint/folder/model-index.ts";

/** The folder of a model, listed once, with its index, read once. */
export interface ModelFolder {
  readonly files: Files;
  /** What lies directly in it. */
  readonly names: ReadonlySet<string>;
  /** Undefined where it has none. */
  readonly index: ModelIndex | undefined;
}

/** Lists the folder of a model and reads its index. */
export async function readModelFolder(folder: FolderLike): Promise<ModelFolder> {
  const files = filesOf(folder);
  const names = await files.list("the model");
  return { files, names, index: names.has(MODEL_INDEX) ? await readModelIndex(files, names) : undefined };
}
