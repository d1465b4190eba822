import type { ByteSource } from "../../checkpoint/bytes/byte-source.ts";
import { type ServedOptions, servedSource } from "../../checkpoint/bytes/byte-sources/served.ts";
import { CheckpointError } from "../../checkpoint/errors.ts";
import { absoluteUrl, isFileUrl } from "../../checkpoint/files/place-browser.ts";
import { servedFiles } from "../../checkpoint/files/served.ts";
import type { Files } from "../../checkpoint/files.ts";
import { type ModelPlace, openedPlace, type ServedFolder } from "./model-place.ts";

/** How places on servers are opened in a browser. */
export interface WebPlaceOptions extends Pick<ServedOptions, "onFetched" | "known"> {
  /** What relative URLs are relative to. */
  readonly base: string;
  readonly variant?: string | undefined;
}

/** `place` as what reads models takes it, with URLs relative to a page. */
export async function openedWebPlace(
  place: ModelPlace,
  { base, variant, ...options }: WebPlaceOptions,
): Promise<Files | ByteSource> {
  if (typeof place !== "string" && !("url" in place)) return (await openedPlace(place)) as Files | ByteSource;
  const { url: given, files, headers }: ServedFolder = typeof place === "string" ? { url: place } : place;
  const url = absoluteUrl(given, base);
  if (files !== undefined || !isFileUrl(url)) return servedFiles(url, { ...options, files, variant, headers });
  const source = await servedSource(url, { ...options, headers });
  if (source !== undefined) return source;
  throw new CheckpointError(`Cannot open "${given}": there is no such file`, { code: "MODEL_NOT_FOUND" });
}
