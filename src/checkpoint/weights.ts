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
  /** What is added to it, as by LoRA, wherever a graph takes it; as it lies in its file where left out. */
  readonly changes?: readonly WeightChange[] | undefined;
}

/** A matrix with a row for every output: whole, or as the product of two thin ones. */
export type Factor =
  | { readonly kind: "whole"; readonly matrix: Weight }
  | {
      readonly kind: "product";
      /** [outputs, rank] */
      readonly up: Weight;
      /** [rank, …] */
      readonly down: Weight;
      /** Between them where the positions of a kernel are a factor of their own (Tucker): [rank, rank, height, width]. */
      readonly core?: Weight | undefined;
      /** Whether `up` is stored as [rank, outputs]. */
      readonly turned?: boolean | undefined;
    };

/** What is added to a weight of a network, described but not computed: it has the weight's size. */
export interface WeightChange {
  readonly of:
    | { readonly kind: "plain"; readonly factor: Factor }
    /** Element by element (LoHa). */
    | { readonly kind: "hadamard"; readonly factors: readonly [Factor, Factor] }
    /** Every element of the first times the second (LoKr). */
    | { readonly kind: "kronecker"; readonly factors: readonly [Factor, Factor] };
  /** What it is multiplied by: alpha over rank. */
  readonly scale: number;
  /** How much of it is added; also below 0. */
  readonly strength: number;
  /** Lengths that the vectors of the changed weight are brought to, one for each output or for each input (DoRA). */
  readonly magnitude?: Weight | undefined;
}

/** The tensors of one model by checkpoint name, over all of its files. */
export type Weights = ReadonlyMap<string, Weight>;

/** What messages call the files that weights lie in. */
export function placeOf(weights: Weights): string {
  const [first, ...others] = new Set([...weights.values()].map(({ span }) => span.source.name));
  if (first === undefined) return "the checkpoint";
  const more = others.length === 1 ? " and another file" : ` and ${others.length} other files`;
  return `"${first}"${others.length === 0 ? "" : more}`;
}
