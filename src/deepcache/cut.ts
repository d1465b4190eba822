import { type Graph, type GraphNode, type Initializer, producers, type Value } from "../onnx/graph.ts";

/** A network that DeepCache can cut: its graph, its skip tensors, and the main-branch tensors that join them. */
export interface Cuttable {
  readonly graph: Graph;
  readonly skips: readonly Value[];
  readonly features: readonly Value[];
}

/**
 * A network cut at hs[branch]. Values keep their names over the parts: what one part needs of another is an output
 * there and an input here. What the trunk gives is kept until it runs again: the feature, or what is left of it where
 * the tail's first steps depend on the feature alone and moved to the trunk (hoisting).
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
  const constants = constantNodes(graph);
  const everyEvaluation = ancestors([...graph.outputs.values()], producer, feature);
  const beforeFeature = ancestors([feature], producer);
  const hoisted = dependents(graph, feature, (node) => everyEvaluation.has(node) && !beforeFeature.has(node));
  const nameOf = boundaryNames(network, feature);
  const constantProducer = new Map([...producer].filter(([, node]) => constants.has(node)));
  // Casts and slices of weights are part of whatever uses them, be it two parts.
  const part = (name: string, belongs: (node: GraphNode) => boolean): Graph => {
    const own = graph.nodes.filter((node) => belongs(node) && !constants.has(node));
    const inputs = own.flatMap((node) => node.inputs.flatMap((input) => input ?? []));
    return subgraph(graph, name, new Set([...own, ...ancestors(inputs, constantProducer)]), nameOf, constants);
  };
  return {
    branch,
    head: part("head", (node) => everyEvaluation.has(node) && beforeFeature.has(node)),
    trunk: part("trunk", (node) => (!everyEvaluation.has(node) && beforeFeature.has(node)) || hoisted.has(node)),
    tail: part("tail", (node) => everyEvaluation.has(node) && !beforeFeature.has(node) && !hoisted.has(node)),
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

/** The nodes among `candidates` whose result depends on `feature` and on constants, but on nothing else. */
function dependents(graph: Graph, feature: Value, candidates: (node: GraphNode) => boolean): ReadonlySet<GraphNode> {
  const known = new Set<Value>([feature, ...graph.initializers.keys()]);
  for (const node of constantNodes(graph)) for (const output of node.outputs) known.add(output);
  const found = new Set<GraphNode>();
  for (const node of graph.nodes) {
    if (!candidates(node) || !node.inputs.every((input) => input === undefined || known.has(input))) continue;
    for (const output of node.outputs) known.add(output);
    found.add(node);
  }
  return found;
}

/** Nodes that no input reaches, such as casts and slices of weights. */
function constantNodes(graph: Graph): ReadonlySet<GraphNode> {
  const known = new Set<Value>(graph.initializers.keys());
  const found = new Set<GraphNode>();
  for (const node of graph.nodes) {
    if (!node.inputs.every((input) => input === undefined || known.has(input))) continue;
    for (const output of node.outputs) known.add(output);
    found.add(node);
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

/** The chosen nodes of `graph` as a graph of their own; results of `constants` do not cross to other parts. */
function subgraph(
  graph: Graph,
  name: string,
  chosen: ReadonlySet<GraphNode>,
  nameOf: (value: Value) => string,
  constants: ReadonlySet<GraphNode>,
): Graph {
  const nodes = graph.nodes.filter((node) => chosen.has(node));
  const inside = new Set(nodes.flatMap((node) => node.outputs));
  const wanted = new Set<Value>(graph.outputs.values());
  for (const node of graph.nodes) {
    if (!chosen.has(node)) for (const input of node.inputs) if (input !== undefined) wanted.add(input);
  }
  for (const node of constants) for (const output of node.outputs) wanted.delete(output);
  const inputs = new Map<string, Value>();
  const initializers = new Map<Value, Initializer>();
  for (const input of nodes.flatMap((node) => node.inputs)) {
    if (input === undefined || inside.has(input)) continue;
    const initializer = graph.initializers.get(input);
    if (initializer === undefined) inputs.set(nameOf(input), input);
    else initializers.set(input, initializer);
  }
  const outputs = new Map([...inside].filter((value) => wanted.has(value)).map((value) => [nameOf(value), value]));
  return { name: `${graph.name}.${name}`, inputs, outputs, nodes, initializers };
}
