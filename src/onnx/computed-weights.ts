import { elementCount } from "../tensor/tensor.ts";
import { type Graph, type GraphNode, producers, type Value } from "./graph.ts";
import { ancestors, constantNodes } from "./subgraph.ts";

/** A graph whose computed weights are inputs, and graphs that compute them. */
export interface ComputedWeights {
  readonly graph: Graph;
  /** Graphs without inputs; what they give is what `graph` takes under the same names. */
  readonly parts: readonly Graph[];
}

/** Operations that add something to a weight, as where LoRAs are. */
const ADDING = new Set(["Gemm", "Add"]);

/** Operations that make a weight another one; those on the way there only widen it or take a part of it. */
const CHANGING = new Set([...ADDING, "Round"]);

/** Whether `nodes` compute a weight from several. */
export const isComputedFromOthers = (nodes: Iterable<GraphNode>): boolean =>
  [...nodes].some(({ op }) => ADDING.has(op));

/**
 * Takes out of `graph` the weights that are computed, as where LoRAs are added to them or int8 made of them, some `bytes` of them at
 * a time; those that are only widened or cut stay. Undefined where there are none.
 */
export function separateComputedWeights(graph: Graph, bytes: number): ComputedWeights | undefined {
  const constants = constantNodes(graph);
  const producer = new Map([...producers(graph)].filter(([, node]) => constants.has(node)));
  const isChanged = (value: Value): boolean => [...ancestors([value], producer)].some(({ op }) => CHANGING.has(op));
  const changed = new Map<Value, string>();
  for (const { inputs } of graph.nodes.filter((node) => !constants.has(node))) {
    for (const input of inputs) {
      if (input === undefined || changed.has(input) || !producer.has(input) || !isChanged(input)) continue;
      changed.set(input, `computed_weight_${changed.size}`);
    }
  }
  if (changed.size === 0) return undefined;
  const partOf = (values: readonly (readonly [Value, string])[], index: number): Graph => {
    const nodes = ancestors(
      values.map(([value]) => value),
      producer,
    );
    const read = new Set([...nodes].flatMap(({ inputs }) => inputs));
    return {
      name: `${graph.name}.computed_weights_${index}`,
      inputs: new Map(),
      outputs: new Map(values.map(([value, name]) => [name, value])),
      nodes: graph.nodes.filter((node) => nodes.has(node)),
      initializers: new Map([...graph.initializers].filter(([value]) => read.has(value))),
    };
  };
  const kept = reached(graph, changed);
  return {
    graph: {
      ...graph,
      inputs: new Map([...graph.inputs, ...[...changed].map(([value, name]) => [name, value] as const)]),
      nodes: graph.nodes.filter((node) => kept.has(node)),
    },
    parts: grouped([...changed], bytes).map(partOf),
  };
}

/** The nodes that the outputs depend on where `given` is given. */
function reached(graph: Graph, given: ReadonlyMap<Value, string>): ReadonlySet<GraphNode> {
  const producer = new Map([...producers(graph)].filter(([value]) => !given.has(value)));
  return ancestors([...graph.outputs.values()], producer);
}

/** `values` in their order, in groups of not much more than `bytes`. */
function grouped<T>(values: readonly (readonly [Value, T])[], bytes: number): (readonly [Value, T])[][] {
  const groups: (readonly [Value, T])[][] = [];
  let left = 0;
  for (const entry of values) {
    if (left <= 0) {
      groups.push([]);
      left = bytes;
    }
    groups.at(-1)?.push(entry);
    left -= elementCount(entry[0].shape) * Float32Array.BYTES_PER_ELEMENT;
  }
  return groups;
}
