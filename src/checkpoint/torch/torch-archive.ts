import type { Storage } from "./torch-objects.ts";

/** Where the bytes of a storage lie in the file: as they are, or compressed, which torch never does but others do. */
export type StoragePlace =
  | { readonly kind: "plain"; readonly offset: number }
  | { readonly kind: "deflated"; readonly packed: PackedRange };

/** A deflated piece of a file. */
export interface PackedRange {
  /** What messages call it. */
  readonly name: string;
  readonly offset: number;
  /** Bytes that it takes. */
  readonly length: number;
  /** Bytes that it must become. */
  readonly size: number;
}

/** What one of torch's two containers keeps: a pickle's value, and where the storages that it names lie. */
export interface TorchArchive {
  readonly root: unknown;
  /** The place of a storage, having made sure that all of its bytes are in the file. */
  locate(storage: Storage): Promise<StoragePlace>;
}
