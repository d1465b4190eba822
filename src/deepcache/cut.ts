import { type Graph, type GraphNode, type Initializer, producers, type Value } from "../onnx/graph.ts";

/** A network that DeepCache can cut: its graph, its skip tensors, and the main-branch tensors that join them. */
export interface Cuttable {
  readonly graph: Graph;
  readonly skips: readonly Value[];
  readonly features: readonly Value[];
}

/**
 * A network cut at hs[branch]. Values keep their names over the parts: what one part needs of another is an output
 * there and an input here. The trunk's only output is `feature`.
 */
export interface Cut {
  readonly branch: number;
  /** Down to hs[branch]; runs on every evaluation. */
  readonly head: Graph;
  /** Everything deeper; runs on full evaluations. */
  readonly trunk: Graph;
  /** From the feature to the prediction; runs on every evaluation. */
  readonly tail: Graph;
  readonly feature: Value;
}

/**
 * Cuts `network` at `branch` by dependence alone: the tail and head are what the prediction needs when the feature is
 * given, the head is the part of it that the trunk needs too (DeepCache, algorithm 1).
 */
export function cut(network: Cuttable, branch: number): Cut {
  const { graph, skips, features } = network;
  const feature = features[branch];
  if (!Number.isInteger(branch) || feature === undefined) {
    throw new RangeError(`Cannot cut at branch ${branch}: this network has branches 0 to ${skips.length - 1}`);
  }
  const producer = producers(graph);
  const everyEvaluation = ancestors([...graph.outputs.values()], producer, feature);
  const beforeFeature = ancestors([feature], producer);
  const nameOf = boundaryNames(network, feature);
  const part = (name: string, belongs: (node: GraphNode) => boolean): Graph =>
    subgraph(graph, name, new Set(graph.nodes.filter(belongs)), nameOf);
  return {
    branch,
    head: part("head", (node) => everyEvaluation.has(node) && beforeFeature.has(node)),
    trunk: part("trunk", (node) => !everyEvaluation.has(node) && beforeFeature.has(node)),
    tail: part("tail", (node) => everyEvaluation.has(node) && !beforeFeature.has(node)),
    feature,
  };
}

/** Every node that `values` depend on, not looking behind `stop`. */
function ancestors(
  values: readonly Value[],
  producer: ReadonlyMap<Value, GraphNode>,
  stop?: Value,
): ReadonlySet<GraphNode> {
  const found = new Set<GraphNode>();
  const open = [...values];
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    const node = value === stop ? undefined : producer.get(value);
    if (node === undefined || found.has(node)) continue;
    found.add(node);
    for (const input of node.inputs) if (input !== undefined) open.push(input);
  }
  return found;
}

/** Names for values that cross from part to part; the same value has the same name everywhere. */
function boundaryNames({ graph, skips }: Cuttable, feature: Value): (value: Value) => string {
  const names = new Map<Value, string>([...graph.inputs, ...graph.outputs].map(([name, value]) => [value, name]));
  skips.forEach((value, i) => {
    names.set(value, `skip_${i}`);
  });
  names.set(feature, "feature");
  let others = 0;
  return (value) => {
    const name = names.get(value) ?? `shared_${others++}`;
    names.set(value, name);
    return name;
  };
}

/** The chosen nodes of `graph` as a graph of their own. */
function subgraph(graph: Graph, name: string, nodes: ReadonlySet<GraphNode>, nameOf: (value: Value) => string): Graph {
  const inside = new Set([...nodes].flatMap((node) => node.outputs));
  const wanted = new Set<Value>(graph.outputs.values());
  for (const node of graph.nodes) {
    if (!nodes.has(node)) for (const input of node.inputs) if (input !== undefined) wanted.add(input);
  }
  const inputs = new Map<string, Value>();
  const initializers = new Map<Value, Initializer>();
  for (const input of [...nodes].flatMap((node) => node.inputs)) {
    if (input === undefined || inside.has(input)) continue;
    const initializer = graph.initializers.get(input);
    if (initializer === undefined) inputs.set(nameOf(input), input);
    else initializers.set(input, initializer);
  }
  const outputs = new Map([...inside].filter((value) => wanted.has(value)).map((value) => [nameOf(value), value]));
  return { name: `${graph.name}.${name}`, inputs, outputs, nodes: [...nodes], initializers };
}
