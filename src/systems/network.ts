import type { Weights } from "../checkpoint/weights.ts";

/** A network that is described but not loaded. */
export interface Network<Config> {
  readonly config: Config;
  readonly weights: Weights;
}
