import type { Graph } from "../../onnx/graph.ts";
import { storedBytes } from "../../onnx/weights.ts";
import type { Precision } from "../precision.ts";
import { activationMemory } from "./activation.ts";
import { foldedWeights, type SessionMemory } from "./session.ts";

/** Of the weights in float32, what is there beside them while OpenVINO compiles. */
const COMPILING = 1 / 2;

/**
 * Estimates from the graph alone what OpenVINO takes for it on a CPU: weights are folded into float32, which stays beside the copy that
 * kernels read, in the precision in which they compute. docs/decisions/0029-openvino-as-a-second-runtime.md has why.
 */
export function openVinoMemory(graph: Graph, precision: Precision): SessionMemory {
  const { all } = foldedWeights(graph);
  const mapped = storedBytes(graph);
  const isNarrow = precision === "bfloat16" || precision === "float16";
  // Weights that are float32 in their file are used where they are mapped.
  const folded = mapped < all ? all : 0;
  const { arena } = activationMemory(graph, { folded: true, blocked: false });
  return {
    weights: folded + (isNarrow ? all / 2 : all),
    mapped,
    loading: COMPILING * all,
    left: 0,
    kept: 0,
    outputs: 0,
    results: arena,
    passing: 0,
  };
}
