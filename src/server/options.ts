import type { Log } from "./context.ts";
import type { RequestLimits } from "./guard/limits.ts";
import type { ModelSource, ServedModel } from "./models/models.ts";
import type { ObjectStore } from "./objects/object-store.ts";
import type { Pages } from "./pages.ts";

/** How a server is set up. */
export interface ServerOptions {
  /** A key, or keys, of which requests must have one; without any, everybody may ask. */
  readonly apiKey?: string | readonly string[] | undefined;
  /** Origins whose pages may ask, such as `https://example.com`; "*" for all. Pages of the server's own origin always may. */
  readonly cors?: string | readonly string[] | undefined;
  /** Names of hosts that requests may name; any where left out. */
  readonly hosts?: readonly string[] | undefined;
  /** Bytes that models may take together; the least recently used are let go of. */
  readonly memory?: number | undefined;
  /** Jobs that may wait. */
  readonly maxQueue?: number | undefined;
  /** Jobs that each key may ask for in a minute; as many as it likes where left out. */
  readonly rate?: number | undefined;
  /** The most that requests may ask for, where it differs from what docs/limits.md says. */
  readonly limits?: Partial<RequestLimits> | undefined;
  /** Names of LoRAs with their paths. */
  readonly loras?: Readonly<Record<string, string>> | undefined;
  /** Words that stand for embeddings in prompts, with their paths. */
  readonly embeddings?: Readonly<Record<string, string>> | undefined;
  /** Where pictures are written for good that are asked for by address or to be saved. */
  readonly outputDir?: string | undefined;
  /** Where pictures are kept that are given by address, and with `redis` what jobs make; memory or Redis where left out. */
  readonly store?: ObjectStore | undefined;
  /** Files that browsers are shown, such as those of the studio. */
  readonly pages?: Pages | undefined;
  /** A Redis whose workers do the jobs, such as `redis://127.0.0.1:6379`; no models are given then. */
  readonly redis?: string | undefined;
  /** Whether the log is told prompts. */
  readonly logPrompts?: boolean | undefined;
  /** Told of requests, models and failures; nobody where left out. */
  readonly log?: Log | undefined;
}

/** Models by name, or one that is open and served by its own name. */
export type Sources = Readonly<Record<string, ModelSource>> | ServedModel;

/** A server that is loaded. */
export interface Server {
  answer(request: Request): Promise<Response>;
  close(signal?: AbortSignal): Promise<void>;
  /** What the OpenAPI page says. */
  openApi(): object;
}
