import { DeepCacheError } from "../../errors/deepcache-error.ts";
import type { Graph, WeightSource } from "../../onnx/graph.ts";

/** Follows the files that a session maps: what changes in them meanwhile changes its results, or ends the process. */
export interface WeightState {
  /** Refuses files that are not as they were when the checkpoint was opened; whoever loads reads from them. */
  checkBeforeLoad(): void;
  /** Refuses files that were changed where they are. One that has been replaced is still mapped as it was. */
  checkInUse(): void;
}

/** The state of the files that the weights of `graph` lie in. */
export function weightState(graph: Graph): WeightState {
  const sources = new Set<WeightSource>();
  for (const initializer of graph.initializers.values()) {
    if (initializer.kind === "weight" && initializer.data !== undefined) sources.add(initializer.data.source);
  }
  const { name } = graph;
  const watched = [...sources].filter((source) => source.state !== undefined);
  const check = (action: string, refused: ReadonlySet<unknown>): void => {
    for (const source of watched) {
      const state = source.state?.();
      if (!refused.has(state)) continue;
      throw new DeepCacheError(
        "CHECKPOINT_BROKEN",
        `${action} graph "${name}": its weights in "${source.name}" have been ${state} since they were opened`,
      );
    }
  };
  return {
    checkBeforeLoad: () => check("Cannot load", new Set(["replaced", "removed", "changed"])),
    checkInUse: () => check("Cannot run", new Set(["changed"])),
  };
}
