import type { Graph, GraphNode, Initializer, Value } from "../onnx/graph.ts";
import { countMacs } from "../onnx/macs.ts";
import { constantNodes } from "../onnx/subgraph.ts";
import { entry } from "../tensor/tensor.ts";
import type { Cuttable } from "./cut.ts";

/** The graph's input whose rows come twice: without the prompt and with it. */
const SAMPLE = "sample";

/** Operations that compute every row by itself, with rows along the first axis of all that has any. */
const ROW_BY_ROW = new Set([
  ...["Conv", "FusedMatMul", "MultiHeadAttention", "InstanceNormalization", "LayerNormalization"],
  ...["Add", "Sub", "Mul", "Div", "Sigmoid", "QuickGelu", "Gelu", "Identity", "Reshape"],
]);
/** The same, where they are told to leave the first axis alone. */
const ALONG_AXES: Readonly<Record<string, (node: GraphNode, initializers: Initializers) => boolean>> = {
  Transpose: ({ attributes: { perm } }) => Array.isArray(perm) && perm[0] === 0,
  Concat: ({ attributes: { axis } }) => axis !== 0,
  Slice: ({ inputs: [, , , axes] }, initializers) => {
    const found = axes && initializers.get(axes);
    return found?.kind === "constant" && !Array.from(found.data, Number).includes(0);
  },
};

type Initializers = ReadonlyMap<Value, Initializer>;

/** Multiplications that sharing has to save: smaller networks keep their bits. */
const LEAST_SAVED = 1e9;

/** A network for guided runs, with what both halves have in common shared where that saves enough. */
export function forGuidance<Network extends Cuttable>(network: Network): Network {
  const shared = withSharedHalves(network);
  return countMacs(network.graph).total - countMacs(shared.graph).total < LEAST_SAVED ? network : shared;
}

/**
 * A network for guided runs that is shown the sample once instead of twice: what depends on neither the prompt nor anything
 * else that differs between the halves of guidance is computed for one half and repeated where they part. Exact: the
 * same operations on the same rows. The graph's input `sample` then has half of the rows; `network` must have an even
 * number.
 */
export function withSharedHalves<Network extends Cuttable>(network: Network): Network {
  const { graph, skips } = network;
  const sample = graph.inputs.get(SAMPLE);
  const rows = sample === undefined ? 0 : entry(sample.shape, 0);
  if (sample === undefined || rows % 2 !== 0) {
    throw new RangeError(`Cannot share the halves of ${rows} rows: guidance shows every image twice`);
  }
  const initializers = new Map(graph.initializers);
  /** Values of one half, by what they are for both. */
  const halves = new Map<Value, Value>();
  const half = (value: Value): Value => {
    const made = { ...value, shape: value.shape.with(0, rows / 2) };
    halves.set(value, made);
    return made;
  };
  const inputs = new Map([...graph.inputs].map(([name, value]) => [name, value === sample ? half(value) : value]));
  const constants = constantNodes(graph);
  const known = knownToBoth(graph, constants);
  const nodes: GraphNode[] = [];
  const repeated = new Set<Value>();
  /** Puts both halves of a value that is known of one where they can be read. */
  const repeat = (value: Value): void => {
    const one = halves.get(value);
    if (one === undefined || repeated.has(value)) return;
    repeated.add(value);
    nodes.push({
      op: "Concat",
      domain: "",
      inputs: [one, one],
      outputs: [value],
      attributes: { axis: 0 },
      referenceMacs: 0,
    });
  };

  for (const node of graph.nodes) {
    const batched = node.inputs.filter((input) => input !== undefined && halves.has(input));
    const shareable =
      batched.length > 0 &&
      node.inputs.every((input) => input === undefined || known.has(input) || halves.has(input)) &&
      node.outputs.every(({ shape }) => shape[0] === rows) &&
      (ROW_BY_ROW.has(node.op) || ALONG_AXES[node.op]?.(node, initializers) === true);
    if (!shareable) {
      for (const input of batched) if (input !== undefined) repeat(input);
      nodes.push(node);
      continue;
    }
    const own = node.inputs.map((input) => (input === undefined ? undefined : (halves.get(input) ?? input)));
    const outputs = node.outputs.map(half);
    const [data, shape, ...others] = own;
    const reshaped = node.op === "Reshape" ? shapeOf(entry(outputs, 0), shape, initializers) : shape;
    nodes.push({
      ...node,
      inputs: [data, reshaped, ...others].slice(0, own.length),
      outputs,
      referenceMacs: node.referenceMacs / 2,
    });
  }
  for (const value of [...graph.outputs.values(), ...skips]) repeat(value);
  return { ...network, graph: { ...graph, inputs, nodes, initializers } };
}

/** What is the same for both halves because it has no rows: constants, the timestep, pictures that steer all images. */
function knownToBoth(graph: Graph, constants: ReadonlySet<GraphNode>): ReadonlySet<Value> {
  const known = new Set<Value>(graph.initializers.keys());
  for (const value of graph.inputs.values()) if ((value.shape[0] ?? 1) === 1) known.add(value);
  for (const node of graph.nodes) {
    const all = node.inputs.every((input) => input === undefined || known.has(input));
    if (constants.has(node) || all) for (const output of node.outputs) known.add(output);
  }
  return known;
}

/** The constant that gives a result of half the rows its shape. */
function shapeOf(
  { shape }: Value,
  before: Value | undefined,
  initializers: Map<Value, Initializer>,
): Value | undefined {
  if (before === undefined) return undefined;
  const value = { ...before };
  initializers.set(value, { kind: "constant", data: BigInt64Array.from(shape, BigInt) });
  return value;
}
