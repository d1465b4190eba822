import type { DownloadProgress } from "../../hub-options.ts";
import { keptFolder } from "../../repo/listed-folder.ts";
import { blobsOf } from "./blobs-of.ts";
import { openWebHub } from "./open-hub.ts";

/** A model's folder on the page's own server, with the files that it has. */
export interface ListedModel {
  readonly name: string;
  /** Of the folder, relative to the page. */
  readonly url: string | URL;
  /** Their paths in the folder, bytes, and SHA-256 digests in hexadecimal digits. */
  readonly files: readonly { readonly path: string; readonly size: number; readonly sha256: string }[];
}

/** Who is told how far it is, and what ends it. */
export interface KeepOptions {
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A model that is kept among the page's own files; `pipeline` opens it. */
export interface KeptModel {
  readonly name: string;
  readonly blobs: readonly (readonly [path: string, blob: Blob])[];
}

/**
 * Keeps a model of the page's own server among the page's own files, as those of the hub are: what is there is not asked for
 * again, what was cut off goes on at its byte, and every file is held to its digest.
 */
export async function keepServedModel(
  { name, url, files }: ListedModel,
  options: KeepOptions = {},
): Promise<KeptModel> {
  const { location } = globalThis as { readonly location?: { readonly href: string } };
  const folder = { name, url: new URL(url, location?.href), files };
  return { name, blobs: await blobsOf(await keptFolder(folder, await openWebHub(options))) };
}
