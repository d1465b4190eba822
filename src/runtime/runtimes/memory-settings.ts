import type { InferenceSession } from "onnxruntime-node";
import type { Graph } from "../../onnx/graph.ts";
import { elementCount } from "../../tensor/tensor.ts";

/** What of ONNX Runtime's settings decides about memory. */
export interface MemorySettings {
  readonly options: Pick<
    InferenceSession.SessionOptions,
    "graphOptimizationLevel" | "enableMemPattern" | "enableCpuMemArena"
  >;
  readonly session: Readonly<Record<string, string>>;
}

/**
 * Weights above which convolutions keep their layout, in float32 bytes. In blocks of channels they run a few per cent
 * faster, but their weights are copied on loading, on one thread, with both copies in memory.
 */
const BLOCKED_LAYOUT_LIMIT = 2 ** 30;

/**
 * How `graph` is loaded. Buffers are not laid out ahead for the shapes of the first run: that keeps those of the first
 * run beside the new ones for good.
 */
export function memorySettings(graph: Graph, lowMemory: boolean): MemorySettings {
  if (lowMemory) {
    return {
      // Folding constants would widen every weight for good, packing would copy it.
      options: { graphOptimizationLevel: "disabled", enableMemPattern: false, enableCpuMemArena: false },
      session: { disable_prepacking: "1" },
    };
  }
  return {
    options: { graphOptimizationLevel: usesBlockedLayout(graph) ? "all" : "extended", enableMemPattern: false },
    session: {},
  };
}

/** Whether the convolutions of `graph` get a layout of their own where memory is not scarce. */
export const usesBlockedLayout = (graph: Graph): boolean => weightBytes(graph) <= BLOCKED_LAYOUT_LIMIT;

/** What the weights of a graph take as float32. */
function weightBytes({ initializers }: Graph): number {
  let elements = 0;
  for (const [value, { kind }] of initializers) if (kind === "weight") elements += elementCount(value.shape);
  return elements * Float32Array.BYTES_PER_ELEMENT;
}
