import type { Graph, GraphNode, Value } from "./graph.ts";

/**
 * The same graph with whatever depends on weights alone in front. ONNX Runtime runs operations in the order in which
 * they are first needed and, among the inputs of one operation, the one that comes last first. A weight that is converted
 * at run time is then converted right before its use and freed after it, rather than before the whole network.
 */
export function weightsFirst(graph: Graph): Graph {
  const known = new Set<Value>(graph.initializers.keys());
  const [constant, rest]: [GraphNode[], GraphNode[]] = [[], []];
  for (const node of graph.nodes) {
    const isConstant = node.inputs.every((input) => input === undefined || known.has(input));
    (isConstant ? constant : rest).push(node);
    if (isConstant) for (const output of node.outputs) known.add(output);
  }
  return { ...graph, nodes: [...constant, ...rest] };
}
