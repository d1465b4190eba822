import type { ByteSource } from "../bytes/byte-source.ts";
import { fileSource } from "../bytes/byte-sources/file.ts";
import { CheckpointError } from "../errors.ts";
import type { FileLike, Files, FolderLike, WritableFiles } from "../files.ts";
import { nodeFiles, pathKind } from "./node.ts";

/** The files of `folder`, which is on disk where only a path is given. */
export function filesOf(folder: string | WritableFiles): WritableFiles;
export function filesOf(folder: FolderLike): Files;
export function filesOf(folder: FolderLike): Files {
  if (typeof folder === "string") return nodeFiles(folder);
  return "title" in folder ? nodeFiles(folder.path, folder.title) : folder;
}

/** The bytes of `file`, which is on disk where only a path is given. */
export async function sourceOf(file: FileLike): Promise<ByteSource> {
  if (typeof file === "string") return await fileSource(file);
  return "title" in file ? await fileSource(file.path, file.title) : file;
}

/** What messages call a folder or file. */
export function nameOf(place: FolderLike | FileLike): string {
  if (typeof place === "string") return place;
  return "title" in place ? place.title : place.name;
}

/** The folder or the file of `wanted`; of a path, whichever lies there. */
export async function openPlace(place: FolderLike | FileLike, wanted = "the model"): Promise<Files | ByteSource> {
  if (typeof place !== "string" && !("title" in place)) return place;
  const { path, title } = typeof place === "string" ? { path: place, title: place } : place;
  const kind = await pathKind(path);
  if (kind !== undefined) return kind === "folder" ? nodeFiles(path, title) : await fileSource(path, title);
  throw new CheckpointError(`Cannot open ${wanted} "${title}": there is no such file or folder`, {
    code: "MODEL_NOT_FOUND",
  });
}
