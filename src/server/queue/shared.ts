import type { Models } from "../models/models.ts";
import type { ObjectStore } from "../objects/object-store.ts";
import type { JobQueue } from "./queue.ts";

/** What a server shares with workers elsewhere, in place of a queue and models of its own. */
export interface Shared {
  readonly queue: JobQueue;
  readonly models: Models;
  /** Where all servers find pictures that were given by address. */
  readonly objects: ObjectStore;
}
