import type { Graph } from "../onnx/graph.ts";
import { type ChangedLinear, withThinProducts } from "../onnx/passes/thin-products.ts";

/** The most multiplications that thin products may add to a layer, of its own. */
const MOST_ADDED = 1 / 16;
/**
 * Multiplications that they may add to an evaluation for each number of the weight, as a number takes long to be computed
 * and put into fresh memory: as long as some forty evaluations take for these.
 */
const MOST_FOR_NUMBER = 40;

/**
 * `graph` with LoRA beside its linear layers where that costs an evaluation next to nothing, and in their weights where it does
 * not: adding it to a weight takes memory and time in proportion to the weight, once; beside the layer, in proportion to
 * what the layer is applied to, every time. For graphs whose weights are not packed anyway.
 */
export const withChangesBeside = (graph: Graph): Graph => withThinProducts(graph, isWorthIt);

/** By the layer and what it is applied to alone, so that all graphs that share a layer compute it alike. */
function isWorthIt({ inner, outer, rank, positions }: ChangedLinear): boolean {
  const [own, added] = [inner * outer, rank * (inner + outer)];
  return added <= MOST_ADDED * own || positions * added <= MOST_FOR_NUMBER * own;
}
