import type { ByteSource } from "../bytes/byte-source.ts";
import { servedSource } from "../bytes/byte-sources/served.ts";
import { CheckpointError } from "../errors.ts";
import type { FileLike, Files, FolderLike, WritableFiles } from "../files.ts";
import { servedFiles } from "./served.ts";

// In a browser, this stands in for place.ts (package.json, "browser"): a text is the URL of a folder or file on a server.

/** The files of `folder`, which is on a server where only a URL is given. */
export function filesOf(folder: string | WritableFiles): WritableFiles;
export function filesOf(folder: FolderLike): Files;
export function filesOf(folder: FolderLike): Files {
  if (typeof folder === "string") return servedFiles(absoluteUrl(folder));
  return "title" in folder ? servedFiles(absoluteUrl(folder.path)) : folder;
}

/** The bytes of `file`, which is on a server where only a URL is given. */
export async function sourceOf(file: FileLike): Promise<ByteSource> {
  if (typeof file !== "string" && !("title" in file)) return file;
  const { path, title } = typeof file === "string" ? { path: file, title: file } : file;
  const source = await servedSource(absoluteUrl(path));
  if (source !== undefined) return source;
  throw new CheckpointError(`Cannot read "${title}": there is no such file`);
}

/** What messages call a folder or file. */
export function nameOf(place: FolderLike | FileLike): string {
  if (typeof place === "string") return place;
  return "title" in place ? place.title : place.name;
}

/** The folder or the file of `wanted`; of a URL, what its ending says. */
export async function openPlace(place: FolderLike | FileLike, wanted = "the model"): Promise<Files | ByteSource> {
  if (typeof place !== "string" && !("title" in place)) return place;
  const { path, title } = typeof place === "string" ? { path: place, title: place } : place;
  const url = absoluteUrl(path);
  if (!isFileUrl(url)) return servedFiles(url);
  const source = await servedSource(url);
  if (source !== undefined) return source;
  throw new CheckpointError(`Cannot open ${wanted} "${title}": there is no such file`, { code: "MODEL_NOT_FOUND" });
}

/** Whether a URL is that of a file of weights rather than of a folder. */
export const isFileUrl = (url: string): boolean => /\.(safetensors|ckpt|bin|pt|pth|npz)$/i.test(new URL(url).pathname);

let base: string | undefined;

/** For threads beside a page: what relative URLs are relative to. */
export function setBase(url: string): void {
  base = url;
}

/** What relative URLs are relative to: the page. */
export function baseUrl(): string {
  const { document, location } = globalThis as Partial<Page>;
  return base ?? document?.baseURI ?? location?.href ?? "";
}

/** `url`, which may be relative, as an absolute one. */
export function absoluteUrl(url: string, from = baseUrl()): string {
  try {
    return new URL(url, from === "" ? undefined : from).href;
  } catch (cause) {
    throw new CheckpointError(`Cannot open "${url}": in a browser, a URL is required`, {
      cause,
      code: "MODEL_NOT_FOUND",
    });
  }
}

interface Page {
  readonly document: { readonly baseURI: string };
  readonly location: { readonly href: string };
}
