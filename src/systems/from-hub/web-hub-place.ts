import { servedSource } from "../../checkpoint/bytes/byte-sources/served.ts";
import { absoluteUrl, isFileUrl } from "../../checkpoint/files/place-browser.ts";
import { servedFiles } from "../../checkpoint/files/served.ts";
import { isFiles } from "../../checkpoint/files.ts";
import { DeepCacheError } from "../../errors/deepcache-error.ts";
import type { Hub } from "../../hub/hub.ts";
import type { HubOptions } from "../../hub/hub-options.ts";
import { hubReference, isExplicit, type RepoReference } from "../../hub/reference.ts";
import { blobsOf, contentsOf } from "../../hub/stores/web/blobs-of.ts";
import { openWebHub } from "../../hub/stores/web/open-hub.ts";
import type { NamedBlobs, ServedFolder } from "../places/model-place.ts";
import type { WebPlaceOptions } from "../places/web-place.ts";
import { type HubOpening, openFromHub } from "./open-from-hub.ts";
import { readInPlace } from "./read-in-place.ts";

/** How what a text names is found in a browser. */
export interface WebHubOptions extends Pick<WebPlaceOptions, "base" | "known"> {
  readonly hub: HubOptions;
  readonly opening: HubOpening;
}

/**
 * What the hub's `org/name[@revision]`, a file or folder of it, or the address of its page stands for: downloaded into the
 * page's own file system where it is not there. Undefined where the text is the URL of something else, or of what the page's
 * own server has.
 */
export async function webHubPlace(
  text: string,
  options: WebHubOptions,
): Promise<NamedBlobs | ServedFolder | undefined> {
  const { hub: hubOptions, opening } = options;
  if (hubReference(text) === undefined) return undefined;
  const hub = await openWebHub(hubOptions);
  const reference = hubReference(text, hub.settings.endpoint);
  if (reference?.kind !== "repo") return undefined;
  if (!isExplicit(text) && (await isServed(text, options))) return undefined;
  try {
    if (hubOptions.keep !== false) return await keptPlace(reference, opening, hub);
    return (await placeThere(reference, opening, hub)) ?? (await readInPlace(reference, opening, hub));
  } catch (error) {
    throw isExplicit(text) ? error : alsoNotServed(error);
  }
}

/** What a reference stands for, in the page's own files. */
async function keptPlace(reference: RepoReference, opening: HubOpening, hub: Hub): Promise<NamedBlobs> {
  const place = await openFromHub(reference, opening, hub);
  if ("title" in place) throw new TypeError(`Cannot open "${place.title}": a browser has no paths`);
  if (isFiles(place)) return { name: place.name, blobs: await blobsOf(place) };
  return { name: place.name, contents: await contentsOf(place) };
}

/** The same where all of it has been kept before. */
async function placeThere(reference: RepoReference, opening: HubOpening, hub: Hub): Promise<NamedBlobs | undefined> {
  try {
    return await keptPlace(reference, opening, { ...hub, settings: { ...hub.settings, offline: true } });
  } catch (error) {
    if (error instanceof DeepCacheError && error.code === "MODEL_NOT_FOUND" && !hub.settings.offline) return undefined;
    throw error;
  }
}

/** Whether the page's server has a folder of a model or of a network there, or a file. */
async function isServed(text: string, { base, known, opening }: WebHubOptions): Promise<boolean> {
  const url = absoluteUrl(text, base);
  // A folder of a server is known by what models have in theirs.
  if (!isFileUrl(url) && (opening.purpose === "lora" || opening.purpose === "embedding")) return false;
  const looks = isFileUrl(url)
    ? [servedSource(url, { known })]
    : ["model_index.json", "config.json"].map((name) => servedFiles(url, { known }).kind(name));
  const found = await Promise.all(looks.map((look) => Promise.resolve(look).catch(() => undefined)));
  return found.some((each) => each !== undefined);
}

/** Whoever misspelt a URL is told that nothing was found on either side. */
function alsoNotServed(error: unknown): unknown {
  if (!(error instanceof DeepCacheError)) return error;
  if (error.code !== "MODEL_NOT_FOUND" && !error.message.startsWith("Cannot reach ")) return error;
  const message = `${error.message}; nor has this page's server such a file or folder`;
  return new DeepCacheError(error.code, message, { cause: error });
}
