import { type HubEffects, realEffects } from "../../effects.ts";
import { hubError } from "../../errors.ts";
import type { Hub } from "../../hub.ts";
import type { HubOptions } from "../../hub-options.ts";
import { type Environment, hubSettings } from "../../settings.ts";
import { webStore } from "./web-store.ts";

/** A page has neither variables nor files of settings. */
const PAGE: Environment = { variables: {}, homeFolder: "", readText: async () => undefined };

/** The hub that options name, with the page's own files as its cache. */
export async function openWebHub(options: HubOptions = {}): Promise<Hub> {
  const { onProgress, signal, cacheFolder } = options;
  if (cacheFolder !== undefined) {
    throw hubError(
      "OPTION_INVALID",
      `Cannot keep models in "${cacheFolder}": a browser keeps them in its own files; leave cacheFolder out of hub`,
    );
  }
  const settings = await hubSettings(options, PAGE);
  // What is kept here is kept once; and a browser's cache that holds a broken answer would give it again.
  const apart = { cache: "no-store" } as RequestInit;
  const effects: HubEffects = { ...realEffects, fetch: (url, init) => fetch(url, { ...init, ...apart }) };
  return { settings, store: webStore(), effects, onProgress, signal };
}
