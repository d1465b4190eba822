import type { Graph, GraphNode } from "../onnx/graph.ts";
import { boundaryNames, dependents, partition } from "../onnx/subgraph.ts";
import type { Cuttable } from "./cut.ts";

/** A network whose first part needs to run once per run only. */
export interface Preluded<Network extends Cuttable> {
  /** From the inputs that stay the same over a run to what the network makes of them; none where it makes nothing. */
  readonly prelude: Graph | undefined;
  /** What is left, with the prelude's outputs as inputs. */
  readonly network: Network;
}

/**
 * Takes out of `network` what does not change over a run: keys and values of the prompt in cross-attention, embeddings of
 * classes, sizes and pooled text. Exact: the same operations on the same numbers, once instead of at every evaluation.
 */
export function separatePrelude<Network extends Cuttable>(network: Network): Preluded<Network> {
  const { graph } = network;
  const early = preludeNodes(network);
  const named = new Map([...graph.inputs, ...graph.outputs].map(([name, value]) => [value, name] as const));
  const part = partition(graph, boundaryNames(named, "prelude"));
  const prelude = part("prelude", (node) => early.has(node));
  if (prelude.nodes.length === 0) return { prelude: undefined, network };
  const rest = part("rest", (node) => !early.has(node));
  return { prelude, network: { ...network, graph: { ...rest, name: graph.name } } };
}

/** The nodes that need to run once per run only. */
export function preludeNodes({ graph, perRun }: Cuttable): ReadonlySet<GraphNode> {
  const given = [...graph.inputs].flatMap(([name, value]) => (perRun.has(name) ? [value] : []));
  return dependents(graph, given, () => true);
}
