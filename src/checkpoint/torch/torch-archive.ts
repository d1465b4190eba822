import type { Storage } from "./torch-objects.ts";

/** What one of torch's two containers keeps: a pickle's value, and where the storages that it names lie. */
export interface TorchArchive {
  readonly root: unknown;
  /** Start of a storage, having made sure that all of its bytes are in the file. */
  locate(storage: Storage): Promise<number>;
}
