import type { Graph } from "../../onnx/graph.ts";
import { elementCount } from "../../tensor/tensor.ts";

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
 * Weights above which a graph is loaded with few copies, in float32 bytes. Convolutions in blocks of channels run a few
 * per cent faster, packed matrices up to two, but both copies are in memory while ONNX Runtime makes them, on one thread.
 */
const FEW_COPIES_LIMIT = 2 ** 30;

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

/** Whether weights of `graph` are copied to layouts of their own where memory is not scarce. */
export const copiesWeights = (graph: Graph): boolean => weightBytes(graph) <= FEW_COPIES_LIMIT;

/** What the weights of a graph take as float32. */
function weightBytes({ initializers }: Graph): number {
  let elements = 0;
  for (const [value, { kind }] of initializers) if (kind === "weight") elements += elementCount(value.shape);
  return elements * Float32Array.BYTES_PER_ELEMENT;
}
