import type { ByteSource } from "../checkpoint/bytes/byte-source.ts";
import { blobSource } from "../checkpoint/bytes/byte-sources/blob.ts";
import { blobFiles } from "../checkpoint/files/blobs.ts";
import { type DirectoryHandle, type FileHandle, handleFiles } from "../checkpoint/files/handles.ts";
import type { FileLike, Files, FolderLike } from "../checkpoint/files.ts";
import { DeepCacheError } from "../errors/deepcache-error.ts";

/** A file that was picked or dropped: `File`. */
export interface PickedFile extends Blob {
  readonly name: string;
  /** Where it lies in the folder that was picked, that folder's name first. */
  readonly webkitRelativePath?: string;
}

/**
 * Where a model or a part of one lies: its path in Node, its URL in a browser; a file or a folder that was picked or dropped,
 * as files or as a handle; or its contents wherever they lie.
 */
export type ModelPlace = FolderLike | FileLike | PickedFile | Iterable<PickedFile> | FileHandle | DirectoryHandle;

/** `place` as what reads models takes it. */
export async function openedPlace(place: ModelPlace): Promise<FolderLike | FileLike> {
  if (typeof place === "string" || "list" in place || "read" in place || "title" in place) return place;
  if (place instanceof Blob) return blobSource(place, place.name);
  if (Symbol.iterator in place) return pickedFiles([...place]);
  if ("kind" in place && place.kind === "directory") return handleFiles(place);
  if ("kind" in place && place.kind === "file") return blobSource(await place.getFile(), place.name);
  throw new DeepCacheError(
    "OPTION_INVALID",
    `Cannot open ${Object.prototype.toString.call(place)} as a model: a path or URL, files, or a handle of those is required`,
  );
}

/** What a place is called. */
export const placeName = (place: ModelPlace): string => {
  if (typeof place === "string") return place;
  if ("title" in place) return place.title;
  if ("name" in place && typeof place.name === "string") return place.name;
  const [first] = Symbol.iterator in place ? [...place] : [];
  return (first?.webkitRelativePath || first?.name || "files").split("/")[0] ?? "";
};

/** Whether `value` may be a place; what it holds shows when it is opened. */
export const isPlace = (value: unknown): boolean =>
  typeof value === "string" || (typeof value === "object" && value !== null);

/** Files of one folder, or one file alone. */
function pickedFiles(files: readonly PickedFile[]): Files | ByteSource {
  const [first] = files;
  if (first === undefined) throw new DeepCacheError("MODEL_NOT_FOUND", "Cannot open a model: there are no files");
  const paths = files.map(({ name, webkitRelativePath = "" }) =>
    webkitRelativePath === "" ? name : webkitRelativePath,
  );
  if (files.length === 1 && paths[0] === first.name) return blobSource(first, first.name);
  const [folder = ""] = paths[0]?.split("/") ?? [];
  const isBelow = paths.every((path) => path.startsWith(`${folder}/`));
  const entries = files.map((file, i) => [paths[i]!.slice(isBelow ? folder.length + 1 : 0), file] as const);
  return blobFiles(entries, isBelow ? folder : "files");
}
