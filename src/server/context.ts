import type { RequestLimits } from "./guard/limits.ts";
import type { Models } from "./models/models.ts";
import type { Metrics } from "./operations/metrics.ts";
import type { PictureStore } from "./pictures/store.ts";
import type { JobQueue } from "./queue/queue.ts";

/** What a server tells of its own work; pino's loggers fit. */
export interface Log {
  info(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What the routes of a server share. */
export interface ServerContext {
  readonly models: Models;
  readonly queue: JobQueue;
  readonly pictures: PictureStore;
  readonly metrics: Metrics;
  readonly limits: RequestLimits;
  /** Names of LoRAs with their paths. */
  readonly loras: Readonly<Record<string, string>>;
  /** The words that stand for embeddings, with their paths. */
  readonly embeddings: Readonly<Record<string, string>>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}
