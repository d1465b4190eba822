import type { ByteSource } from "../bytes/byte-source.ts";
import { fileSource } from "../bytes/byte-sources/file.ts";
import { CheckpointError } from "../errors.ts";
import { type FileLike, type Files, type FolderLike, isFiles, type WritableFiles } from "../files.ts";
import { nodeFiles, pathKind } from "./node.ts";

/** The files of `folder`, which is on disk where only a path is given. */
export function filesOf(folder: string | WritableFiles): WritableFiles;
export function filesOf(folder: FolderLike): Files;
export function filesOf(folder: FolderLike): Files {
  return typeof folder === "string" ? nodeFiles(folder) : folder;
}

/** The bytes of `file`, which is on disk where only a path is given. */
export const sourceOf = async (file: FileLike): Promise<ByteSource> =>
  typeof file === "string" ? await fileSource(file) : file;

/** What messages call a folder or file. */
export const nameOf = (place: FolderLike | FileLike): string => (typeof place === "string" ? place : place.name);

/** The folder or the file of `wanted`; of a path, whichever lies there. */
export async function openPlace(place: FolderLike | FileLike, wanted = "the model"): Promise<Files | ByteSource> {
  if (typeof place !== "string") return place;
  const kind = await pathKind(place);
  if (kind !== undefined) return kind === "folder" ? nodeFiles(place) : await fileSource(place);
  throw new CheckpointError(`Cannot open ${wanted} "${place}": there is no such file or folder`, {
    code: "MODEL_NOT_FOUND",
  });
}

/** What is to be a folder; a file is refused, and said to be `wanted` of which a folder is required. */
export function asFolder(place: FolderLike | FileLike, wanted = "the model"): FolderLike {
  if (typeof place === "string" || isFiles(place)) return place;
  throw new CheckpointError(`Cannot read ${wanted} "${place.name}": it is a file, a folder is required`, {
    code: "MODEL_UNSUPPORTED",
  });
}
