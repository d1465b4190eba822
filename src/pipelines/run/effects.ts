import type { Runtime } from "../../runtime/runtime.ts";
import type { Busy } from "./queue.ts";

/** What a pipeline takes from outside; tests pass their own. */
export interface PipelineEffects {
  readonly runtime: Runtime;
  /** Milliseconds from a fixed point. */
  readonly now?: () => number;
  readonly randomSeed?: () => number;
  /**
   * Whether networks stay loaded for the next run (default). Otherwise each is released as soon as a run is done with
   * it, and the largest network alone decides how much memory a run takes.
   */
  readonly keepLoaded?: boolean;
  /** What a run does that finds another one under way; it waits unless told otherwise. */
  readonly queue?: { readonly busy?: Busy | undefined } | undefined;
}

/** A seed where none is given. */
export const drawnSeed = (): number => crypto.getRandomValues(new Uint32Array(1))[0] ?? 0;
