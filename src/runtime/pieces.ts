import { type Graph, type GraphNode, producers, type Value } from "../onnx/graph.ts";
import { boundaryNames, constantNodes, partition } from "../onnx/subgraph.ts";
import { elementCount } from "../tensor/tensor.ts";

/** Weights to widen above which a graph is loaded in pieces, in bytes of float32. */
export const PIECE_BYTES = 2 ** 31;

/**
 * `graph` as pieces that run one after the other and are loaded side by side: ONNX Runtime widens half-precision weights
 * on loading, on one thread a session. All pieces widen about as much, and not much more than `bytes`; what a piece needs
 * of those before it is an output there and an input here. A graph with less to widen is one piece, as it is.
 */
export function piecesOf(graph: Graph, bytes = PIECE_BYTES): readonly Graph[] {
  if (narrowBytes(graph) <= bytes) return [graph];
  const widened = widenedAtNodes(graph);
  const total = [...widened.values()].reduce((sum, own) => sum + own, 0);
  const count = Math.ceil(total / bytes);
  if (count < 2) return [graph];
  const places = new Map<GraphNode, number>();
  let before = 0;
  for (const [node, own] of widened) {
    places.set(node, Math.min(count - 1, Math.floor((count * (before + own / 2)) / total)));
    before += own;
  }
  const named = new Map([...graph.inputs, ...graph.outputs].map(([name, value]) => [value, name] as const));
  const part = partition(graph, boundaryNames(named, "piece"));
  const parts = Array.from({ length: count }, (_, i) => part(`piece_${i}`, (node) => places.get(node) === i));
  const pieces = parts.filter(({ nodes }) => nodes.length > 0);
  const given = new Set(pieces.flatMap(({ outputs }) => [...outputs.keys()]));
  // Nobody gives an output that depends on weights alone, or one of two names for the same.
  return [...graph.outputs.keys()].every((name) => given.has(name)) ? pieces : [graph];
}

/** What half-precision weights come to in float32: the most that there may be to widen. */
function narrowBytes({ initializers }: Graph): number {
  let bytes = 0;
  for (const [value, { kind }] of initializers)
    if (kind === "weight" && NARROW.has(value.dtype)) bytes += wideBytes(value);
  return bytes;
}

const wideBytes = ({ shape }: Value): number => elementCount(shape) * Float32Array.BYTES_PER_ELEMENT;

/** For each node that depends on inputs, in their order: what is widened for it and for no node before it. */
function widenedAtNodes(graph: Graph): ReadonlyMap<GraphNode, number> {
  const constants = constantNodes(graph);
  const producer = new Map([...producers(graph)].filter(([, node]) => constants.has(node)));
  const seen = new Set<Value>();
  const found = new Map<GraphNode, number>();
  /** What is widened for `value` and was not for any before it. */
  const widenedFor = (value: Value | undefined): number => {
    if (value === undefined || seen.has(value)) return 0;
    const from = producer.get(value);
    const isWeight = from === undefined && graph.initializers.get(value)?.kind === "weight";
    if (from === undefined && !isWeight) return 0;
    seen.add(value);
    if (from !== undefined) return from.inputs.reduce((sum, input) => sum + widenedFor(input), 0);
    return NARROW.has(value.dtype) ? wideBytes(value) : 0;
  };
  for (const node of graph.nodes) {
    if (constants.has(node)) continue;
    found.set(
      node,
      node.inputs.reduce((sum, input) => sum + widenedFor(input), 0),
    );
  }
  return found;
}

const NARROW: ReadonlySet<string> = new Set(["F16", "BF16", "F8_E4M3", "F8_E5M2"]);
