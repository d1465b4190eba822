import { type HubEffects, realEffects } from "../../effects.ts";
import { hubError } from "../../errors.ts";
import type { Hub } from "../../hub.ts";
import type { HubOptions } from "../../hub-options.ts";
import { type Environment, hubSettings } from "../../settings.ts";
import { nodeEnvironment } from "./environment.ts";
import { nodeStore } from "./node-store.ts";

/** The world that a hub is opened in; this process's own where left out. */
export interface HubWorld {
  readonly environment?: Environment;
  readonly effects?: HubEffects;
}

/** The hub and the cache that options and environment name. */
export async function openHub(options: HubOptions = {}, world: HubWorld = {}): Promise<Hub> {
  if (options.keep === false) {
    throw hubError(
      "OPTION_INVALID",
      "Cannot use keep: false in Node: models of the hub are kept in its cache; a browser can read them where they lie",
    );
  }
  const { environment = nodeEnvironment, effects = realEffects } = world;
  const settings = await hubSettings(options, environment);
  const { onProgress, signal } = options;
  return { settings, store: nodeStore(settings.cacheFolder), effects, onProgress, signal };
}
