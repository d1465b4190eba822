import { type Graph, type GraphNode, type Initializer, producers, type Value } from "./graph.ts";

/** Takes a graph apart: every node into the parts that ask for it, with what crosses as their inputs and outputs. */
export type Partition = (name: string, belongs: (node: GraphNode) => boolean) => Graph;

/**
 * Parts of `graph` by choice of nodes; a value that crosses from part to part is called `nameOf(value)` in both. Casts and
 * slices of weights, which no input reaches, go along with whatever uses them, be it two parts.
 */
export function partition(graph: Graph, nameOf: (value: Value) => string): Partition {
  const constants = constantNodes(graph);
  const constantProducer = new Map([...producers(graph)].filter(([, node]) => constants.has(node)));
  return (name, belongs) => {
    const own = graph.nodes.filter((node) => belongs(node) && !constants.has(node));
    const inputs = own.flatMap((node) => node.inputs.flatMap((input) => input ?? []));
    return subgraph(graph, name, new Set([...own, ...ancestors(inputs, constantProducer)]), nameOf, constants);
  };
}

/** Every node that `values` depend on, not looking behind `stop`. */
export function ancestors(
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

/** The nodes among `candidates` whose result depends on `values` and on constants, but on nothing else. */
export function dependents(
  graph: Graph,
  values: Iterable<Value>,
  candidates: (node: GraphNode) => boolean,
): ReadonlySet<GraphNode> {
  const known = new Set<Value>(values);
  for (const node of constantNodes(graph)) for (const output of node.outputs) known.add(output);
  return settledBy(graph, known, candidates);
}

/** Nodes that no input reaches, such as casts and slices of weights. */
export const constantNodes = (graph: Graph): ReadonlySet<GraphNode> => settledBy(graph, new Set(), () => true);

/** The nodes among `candidates` that need nothing but weights, constants and what is `known`, to which theirs is added. */
function settledBy(
  { nodes, initializers }: Graph,
  known: Set<Value>,
  candidates: (node: GraphNode) => boolean,
): ReadonlySet<GraphNode> {
  const found = new Set<GraphNode>();
  const isKnown = (input: Value | undefined): boolean =>
    input === undefined || initializers.has(input) || known.has(input);
  for (const node of nodes) {
    if (!candidates(node) || !node.inputs.every(isKnown)) continue;
    for (const output of node.outputs) known.add(output);
    found.add(node);
  }
  return found;
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

/** Names for values that cross: those in `known`, and numbered ones that start with `prefix`; the same at every call. */
export function boundaryNames(known: ReadonlyMap<Value, string>, prefix: string): (value: Value) => string {
  const names = new Map(known);
  let others = 0;
  return (value) => {
    const name = names.get(value) ?? `${prefix}_${others++}`;
    names.set(value, name);
    return name;
  };
}
