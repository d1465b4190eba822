import type { Graph } from "../onnx/graph.ts";
import { type ChangedLinear, withThinProducts } from "../onnx/passes/thin-products.ts";

/** The most multiplications that thin products may add to a layer, of its own. */
const MOST_ADDED = 1 / 16;

/**
 * `graph` with LoRA beside its linear layers where that costs an evaluation next to nothing, and in their weights where it does
 * not: adding it to a weight takes memory and time in proportion to the weight, once; beside the layer, in proportion to
 * what the layer is applied to, every time. For graphs whose weights are not packed anyway.
 */
export const withChangesBeside = (graph: Graph): Graph => withThinProducts(graph, isWorthIt);

/** By the layer and what it is applied to alone, so that all graphs that share a layer compute it alike. */
function isWorthIt({ inner, outer, rank, positions }: ChangedLinear): boolean {
  const [own, added] = [inner * outer, rank * (inner + outer)];
  return added <= MOST_ADDED * own || positions * added <= own;
}
