import type { Graph } from "../../onnx/graph.ts";
import { copiesWeights } from "../memory/weight-copies.ts";

/** What of ONNX Runtime's settings decides about memory. */
export interface MemorySettings {
  readonly options: {
    readonly graphOptimizationLevel: "disabled" | "extended" | "all";
    readonly enableMemPattern: boolean;
    readonly enableCpuMemArena?: boolean;
  };
  readonly session: Readonly<Record<string, string>>;
}

/**
 * How `graph` is loaded; `sparing` is for memory that is short and for graphs that run once. Buffers are not laid
 * out ahead for the shapes of the first run: that keeps those of the first run beside the new ones for good.
 */
export function memorySettings(graph: Graph, sparing: boolean): MemorySettings {
  if (sparing) {
    return {
      // Folding constants would widen every weight for good, packing would copy it.
      options: { graphOptimizationLevel: "disabled", enableMemPattern: false, enableCpuMemArena: false },
      session: UNPACKED,
    };
  }
  return copiesWeights(graph)
    ? { options: { graphOptimizationLevel: "all", enableMemPattern: false }, session: {} }
    : { options: { graphOptimizationLevel: "extended", enableMemPattern: false }, session: UNPACKED };
}

const UNPACKED = { disable_prepacking: "1" };
