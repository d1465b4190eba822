import type { ByteSource } from "../../checkpoint/bytes/byte-source.ts";
import { blobSource } from "../../checkpoint/bytes/byte-sources/blob.ts";
import { blobFiles } from "../../checkpoint/files/blobs.ts";
import { type DirectoryHandle, type FileHandle, handleFiles } from "../../checkpoint/files/handles.ts";
import { servedFiles } from "../../checkpoint/files/served.ts";
import type { FileLike, Files, FolderLike, WritableFiles } from "../../checkpoint/files.ts";
import { DeepCacheError } from "../../errors/deepcache-error.ts";
import type { ModelLocation } from "../model-location.ts";

/** A file that was picked or dropped: `File`. */
export interface PickedFile extends Blob {
  readonly name: string;
  /** Where it lies in the folder that was picked, that folder's name first. */
  readonly webkitRelativePath?: string;
}

/** A folder on a server, with the paths of its files where they lie under names of their own; or a file there. */
export interface ServedFolder {
  readonly url: string;
  readonly files?: readonly string[] | undefined;
  /** Sent with every request, such as what lets a visitor read it. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** Blobs that stand for the files of a folder, or of one file, under a name; plain data, which other threads open as well. */
export type NamedBlobs =
  | { readonly name: string; readonly blobs: readonly (readonly [path: string, blob: Blob])[] }
  | { readonly name: string; readonly contents: Blob };

/**
 * Where a model or a part of one lies: its path in Node, its URL in a browser; a file or a folder that was picked or dropped,
 * as files or as a handle; or its contents wherever they lie.
 */
export type ModelPlace =
  | FolderLike
  | FileLike
  | ServedFolder
  | NamedBlobs
  | PickedFile
  | Iterable<PickedFile>
  | FileHandle
  | DirectoryHandle;

/** `place` as what reads models takes it. */
export async function openedPlace(place: ModelPlace): Promise<FolderLike | FileLike> {
  if (typeof place === "string" || "list" in place || "read" in place || "title" in place) return place;
  if ("url" in place) return servedFiles(place.url, place);
  if ("blobs" in place) return blobFiles(place.blobs, place.name);
  if ("contents" in place) return blobSource(place.contents, place.name);
  if (place instanceof Blob) return blobSource(place, place.name);
  if (Symbol.iterator in place) return pickedFiles([...place]);
  if ("kind" in place && place.kind === "directory") return handleFiles(place);
  if ("kind" in place && place.kind === "file") return blobSource(await place.getFile(), place.name);
  throw new DeepCacheError(
    "OPTION_INVALID",
    `Cannot open ${Object.prototype.toString.call(place)} as a model: a path or URL, files, or a handle of those is required`,
  );
}

/** A folder that can be written to, behind a handle or not. */
export const writableFolder = (folder: string | WritableFiles | DirectoryHandle): string | WritableFiles =>
  typeof folder === "string" || "list" in folder ? folder : handleFiles(folder);

/** What a place is called. */
export const placeName = (place: ModelPlace): string => {
  if (typeof place === "string") return place;
  if ("url" in place) return place.url;
  if ("title" in place) return place.title;
  if ("name" in place && typeof place.name === "string") return place.name;
  const [first] = Symbol.iterator in place ? [...place] : [];
  return (first?.webkitRelativePath || first?.name || "files").split("/")[0] ?? "";
};

/** Whether `value` may be a place; what it holds shows when it is opened. */
export const isPlace = (value: unknown): boolean =>
  typeof value === "string" || (typeof value === "object" && value !== null);

/** Whether another thread can be told of `place`: what functions stand behind cannot be sent. */
export const isSendable = (place: ModelPlace): boolean =>
  typeof place === "string" || !("list" in place || "read" in place);

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

/** The parts of a model that lie in places of their own. */
export interface ModelPlaces {
  readonly model: ModelPlace;
  readonly config?: ModelPlace | undefined;
  readonly tokenizer?: ModelPlace | undefined;
  readonly vae?: ModelPlace | undefined;
  readonly tinyVae?: ModelPlace | undefined;
  readonly refiner?: ModelPlace | undefined;
  readonly controls?: readonly ModelPlace[] | undefined;
}

/** The places of a model's location. */
export type OpenedPlaces = Pick<
  ModelLocation,
  "path" | "config" | "tokenizer" | "vae" | "tinyVae" | "refiner" | "controls"
>;

/** Opens every place; `tokenizer` is for where there is none. */
export async function openedPlaces(
  places: ModelPlaces,
  { open, tokenizer }: { open(place: ModelPlace): Promise<FolderLike | FileLike>; tokenizer(): FolderLike },
): Promise<OpenedPlaces> {
  const part = async (place: ModelPlace | undefined) => (place === undefined ? undefined : await open(place));
  return {
    path: await open(places.model),
    config: (await part(places.config)) as ModelLocation["config"],
    tokenizer: ((await part(places.tokenizer)) as FolderLike | undefined) ?? tokenizer(),
    vae: await part(places.vae),
    tinyVae: await part(places.tinyVae),
    refiner: await part(places.refiner),
    controls: places.controls && (await Promise.all(places.controls.map(open))),
  };
}
