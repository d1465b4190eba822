import type { Weights } from "../checkpoint/weights.ts";

/** A network that is described but not loaded. */
export interface Network<Config> {
  readonly config: Config;
  readonly weights: Weights;
}

/** Elements of a network's weights. */
export function weightElements({ weights }: Pick<Network<unknown>, "weights">): number {
  let elements = 0;
  for (const { shape } of weights.values()) elements += shape.reduce((product, length) => product * length, 1);
  return elements;
}

/**
 * Whether a network is so small that an evaluation takes some milliseconds, of which messages between threads, each of
 * which takes a tenth of one, would be a part worth sparing.
 */
export const isSmall = (network: Pick<Network<unknown>, "weights">): boolean => weightElements(network) <= SMALL;

const SMALL = 2 ** 24;
