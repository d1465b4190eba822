import type { HubEffects } from "../effects.ts";
import type { Wanted } from "../errors.ts";
import type { HubStore } from "../store.ts";
import type { Checksum } from "./checksum.ts";

/** A file that is to become a blob. */
export interface BlobRequest {
  readonly url: URL;
  readonly token: string | undefined;
  readonly wanted: Wanted;
  /** What it is called on its way. */
  readonly key: string;
  readonly size: number | undefined;
  readonly checksum: Checksum | undefined;
  /** Whether a page of HTML is refused, which hosts give where they want a login. */
  readonly refusesPages: boolean;
}

/** What a download takes beside what it is to bring. */
export interface DownloadContext {
  readonly store: HubStore;
  readonly effects: HubEffects;
  /** Milliseconds in which something must come. */
  readonly timeout: number;
  readonly signal?: AbortSignal | undefined;
  /** Told how many bytes of the file are there, and how many there will be. */
  readonly onBytes?: ((loaded: number, total: number | undefined) => void) | undefined;
}
