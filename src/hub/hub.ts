import type { HubEffects } from "./effects.ts";
import type { DownloadProgress } from "./hub-options.ts";
import type { HubSettings } from "./settings.ts";
import type { HubStore } from "./store.ts";

/** All that resolving a name takes: where to ask, where to keep what comes, and whom to tell. */
export interface Hub {
  readonly settings: HubSettings;
  readonly store: HubStore;
  readonly effects: HubEffects;
  readonly onProgress?: ((progress: DownloadProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}
