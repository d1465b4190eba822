import { type Graph, type Initializer, producers, type Value } from "../graph.ts";
import { ancestors } from "../subgraph.ts";

/** `graph` with some weights given rather than computed, and without what only they were computed from. */
export function withGivenWeights(graph: Graph, given: ReadonlyMap<Value, Initializer>): Graph {
  const producer = new Map([...producers(graph)].filter(([value]) => !given.has(value)));
  const needed = ancestors([...graph.outputs.values()], producer);
  const nodes = graph.nodes.filter((node) => needed.has(node));
  const read = new Set(nodes.flatMap(({ inputs }) => inputs));
  const initializers = new Map([...graph.initializers, ...given].filter(([value]) => read.has(value)));
  return { ...graph, nodes, initializers };
}
