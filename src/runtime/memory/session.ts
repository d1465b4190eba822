import type { Graph, GraphNode, Initializer, Value } from "../../onnx/graph.ts";
import { int8Weights } from "../../onnx/passes/int8.ts";
import { constantNodes } from "../../onnx/subgraph.ts";
import { storedBytes } from "../../onnx/weights.ts";
import { activationMemory, LARGEST_KEPT, valueBytes } from "./activation.ts";
import { copiesWeights } from "./weight-copies.ts";

/** What a session takes in memory, in bytes. */
export interface SessionMemory {
  /** Weights in the form in which they are computed with, as long as the session lives. */
  readonly weights: number;
  /** Weight files that are mapped: the system counts their pages, but may take them back. */
  readonly mapped: number;
  /** What is there beside the weights while they are loaded. */
  readonly loading: number;
  /** What stays of that until the session is released, as it lies in pieces between others. */
  readonly left: number;
  /** What the C library keeps for later once the session is released: pieces that it had not mapped one by one. */
  readonly kept: number;
  /** What goes to JavaScript: the last results, and those that replace them. */
  readonly outputs: number;
  /** Results of operations, which stay with the session from its first run on. */
  readonly results: number;
  /** The same where memory goes back to the system after every operation: while it runs. */
  readonly passing: number;
}

/**
 * Of matrices that are packed one after the other, what the allocator holds on to: the hole that one leaves does not fit
 * the next, which has another size.
 */
const PACKING_HOLES = 1 / 6;

/** Of weights that were laid out anew, the share of the old ones that lies between others and so stays with the process. */
const LAYOUT_HOLES = 1 / 2;

/**
 * The C library's heap over ONNX Runtime's arena for the same pieces: it grows in segments that no piece crosses, and
 * keeps free pieces of one size apart from those of another.
 */
const HEAP_HOLES = 3 / 2;

/** Kernels pass through messages on their way to another layout; of those, a segment of the heap at most stays. */
const [MESSAGE_SHARE, HEAP_SEGMENT] = [1 / 2, 64 * 2 ** 20];

/** ONNX Runtime's results over ours: its optimiser orders, fuses and converts in ways that are not followed. */
const OWN_ORDER = 1.1;

/** Operations whose constant second operand ONNX Runtime packs. */
const PACKED = new Set(["FusedMatMul", "MatMul", "Gemm", "MatMulIntegerToFloat"]);

/** How a session is loaded, as far as its memory depends on it. */
export interface SessionSettings {
  /** Weights stay in their files and nothing is prepared: memory is short, or the session runs once. */
  readonly sparing: boolean;
  /** Whether weights are copied to layouts of their own; what becomes of the graph by itself where left out. */
  readonly copies?: boolean;
}

/** Estimates from the graph alone what ONNX Runtime takes for it on a CPU. */
export function sessionMemory(
  graph: Graph,
  { sparing, copies = copiesWeights(graph) }: SessionSettings,
): SessionMemory {
  const blocked = !sparing && copies;
  // Layers in int8 unfold pictures into windows of as many shapes as there are layers, each of which keeps its buffer. In
  // float32, that buffers wait and that results replace what they are made of (neither is followed) make up for each other.
  const waits = int8Weights(graph).length > 0;
  const { arena, passing, holes } = activationMemory(graph, { folded: !sparing, blocked, waits });
  if (sparing) {
    const kept = HEAP_HOLES * holes;
    return {
      ...{ weights: 0, mapped: storedBytes(graph), loading: 0, left: 0 },
      ...{ kept, results: kept, passing: passing - holes },
      outputs: 0, // the session's own copy goes when JavaScript has one
    };
  }
  const { all, small, packed, kernels } = foldedWeights(graph);
  const relaid = copies ? kernels : 0;
  const gaps = copies ? PACKING_HOLES * packed : 0;
  const messages = Math.min(HEAP_SEGMENT, MESSAGE_SHARE * relaid);
  const left = LAYOUT_HOLES * relaid + messages + gaps;
  return {
    weights: all,
    mapped: 0,
    loading: relaid + messages + gaps,
    left,
    kept: small + left,
    outputs: 2 * [...graph.outputs.values()].reduce((sum, value) => sum + valueBytes(value), 0),
    results: (waits ? 1 : OWN_ORDER) * arena,
    passing: 0,
  };
}

/** Constants that operations on inputs read, after everything that depends on weights alone has been computed. */
export function foldedWeights(graph: Graph): Readonly<Record<"all" | "small" | "packed" | "kernels", number>> {
  const constants = constantNodes(graph);
  const known = new Map<Value, GraphNode | Initializer>(graph.initializers);
  for (const node of constants) for (const output of node.outputs) known.set(output, node);
  const seen = new Set<Value>();
  const sum = { all: 0, small: 0, packed: 0, kernels: 0 };
  for (const node of graph.nodes) {
    if (constants.has(node)) continue;
    node.inputs.forEach((input, i) => {
      if (input === undefined || !known.has(input) || seen.has(input)) return;
      seen.add(input);
      const bytes = valueBytes(input);
      sum.all += bytes;
      if (bytes <= LARGEST_KEPT) sum.small += bytes;
      if (i === 1 && PACKED.has(node.op)) sum.packed += bytes;
      if (i === 1 && node.op === "Conv") sum.kernels += bytes;
    });
  }
  return sum;
}
