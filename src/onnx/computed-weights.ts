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
 * Weights that are widened in float32, up to which they are computed apart as well: a LoRA beside a network whose own weights
 * are used as they lie in their file. Folding takes longer, one after the other, than a graph that computes all.
 */
const FEW_WIDENED = 2 ** 28;

/** What of a graph's weights is computed apart. */
export interface Separation {
  /** How much of it at a time, in bytes of float32. */
  readonly bytes: number;
  /** Whether weights that are only widened may be among it where they are few. */
  readonly widened?: boolean;
}

/**
 * Takes out of `graph` the weights that are computed, as where LoRAs are added to them or int8 made of them. Those that are only
 * widened or cut stay, unless they are few. Undefined where there are none.
 */
export function separateComputedWeights(
  graph: Graph,
  { bytes, widened = false }: Separation,
): ComputedWeights | undefined {
  const constants = constantNodes(graph);
  const producer = new Map([...producers(graph)].filter(([, node]) => constants.has(node)));
  const apart = widened ? fewWidened(graph, constants, producer) : new Set<Value>();
  const isChanged = (value: Value): boolean =>
    apart.has(value) || [...ancestors([value], producer)].some(({ op }) => CHANGING.has(op));
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

/** What operations on inputs read of weights that are widened, if it is little. */
function fewWidened(
  { nodes }: Graph,
  constants: ReadonlySet<GraphNode>,
  producer: ReadonlyMap<Value, GraphNode>,
): ReadonlySet<Value> {
  const read = new Set<Value>();
  for (const { inputs } of nodes.filter((node) => !constants.has(node))) {
    for (const input of inputs) if (input !== undefined && producer.get(input)?.op === "Cast") read.add(input);
  }
  const bytes = [...read].reduce((sum, value) => sum + bytesOf(value), 0);
  return bytes <= FEW_WIDENED ? read : new Set();
}

const bytesOf = ({ shape }: Value): number => elementCount(shape) * Float32Array.BYTES_PER_ELEMENT;

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
    left -= bytesOf(entry[0]);
  }
  return groups;
}
