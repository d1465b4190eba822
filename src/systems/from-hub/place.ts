import { CheckpointError } from "../../checkpoint/errors.ts";
import { pathKind } from "../../checkpoint/files/node.ts";
import type { FileLike, FolderLike } from "../../checkpoint/files.ts";
import { DeepCacheError } from "../../errors/deepcache-error.ts";
import type { HubOptions } from "../../hub/hub-options.ts";
import { type HubReference, hubReference, isExplicit } from "../../hub/reference.ts";
import { openHub } from "../../hub/stores/node/open-hub.ts";
import { type HubOpening, openFromHub } from "./open-from-hub.ts";

/** How what a text names is found. */
export interface PlaceOptions extends HubOpening {
  /** What messages call it, such as "the LoRA". */
  readonly what: string;
  readonly hub?: HubOptions | undefined;
}

/**
 * What a text names: a path as it is, `org/name[@revision]`, a file in such a repository, or an address; what is not on this
 * machine is downloaded into the cache that Python's huggingface_hub shares. A text that is none of these comes back as it
 * is, for whoever opens it to refuse.
 */
export async function placeNamed(text: string, options: PlaceOptions): Promise<FolderLike | FileLike> {
  const { what, hub: hubOptions = {}, ...opening } = options;
  if (!isExplicit(text) && (await pathKind(text)) !== undefined) return text;
  if (hubReference(text) === undefined) return text;
  await refuseMissingPath(text, what);
  const hub = await openHub(hubOptions);
  const reference = hubReference(text, hub.settings.endpoint);
  if (reference === undefined) return text;
  try {
    return await openFromHub(reference, opening, hub);
  } catch (error) {
    throw isExplicit(text) ? error : alsoNoPath(error, reference);
  }
}

/** "models/sd15", where there is a folder "models", was meant to be in it. */
async function refuseMissingPath(text: string, what: string): Promise<void> {
  if (isExplicit(text) || (await pathKind(text.split("/", 1)[0] ?? "")) !== "folder") return;
  throw new CheckpointError(
    `Cannot find ${what} "${text}": there is no such file or folder; hf:${text} is what the hub has of this name`,
    { code: "MODEL_NOT_FOUND" },
  );
}

/** Whoever misspelt a path is told that nothing was found on either side. */
function alsoNoPath(error: unknown, { kind }: HubReference): unknown {
  if (kind === "url" || !(error instanceof DeepCacheError)) return error;
  if (error.code !== "MODEL_NOT_FOUND" && !error.message.startsWith("Cannot reach ")) return error;
  const message = `${error.message}; nor is there such a file or folder here`;
  return new DeepCacheError(error.code, message, { cause: error });
}
