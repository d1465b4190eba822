import type { Dtype } from "../tensor/dtype.ts";
import type { ByteSource } from "./bytes/byte-source.ts";

/** Where a tensor's bytes lie: little-endian, row-major, unaligned. */
export interface Span {
  readonly source: ByteSource;
  readonly offset: number;
  readonly length: number;
}

/** One tensor of a checkpoint, described but not read. */
export interface Weight {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly span: Span;
}

/** The tensors of one model by checkpoint name, over all of its files. */
export type Weights = ReadonlyMap<string, Weight>;
