import type { Graph, GraphNode, Value } from "../onnx/graph.ts";
import { sizeOf } from "../onnx/ops.ts";
import { isLinear, isPlainConv, withInt8 } from "../onnx/passes/int8.ts";
import { constantNodes } from "../onnx/subgraph.ts";
import { elementCount } from "../tensor/tensor.ts";

/** What linear layers and convolutions of the network that denoises are computed in. */
export const PRECISIONS = ["float32", "int8", "bfloat16", "float16"] as const;

export type Precision = (typeof PRECISIONS)[number];

type Narrow = Exclude<Precision, "float32">;

const ON_OPENVINO = { takes: 'device "openvino" in Node', holds: (device: string) => device.startsWith("openvino") };

/** Where each precision but float32 is to be had. */
const PLACES: Readonly<Record<Narrow, { readonly takes: string; holds(device: string): boolean }>> = {
  int8: { takes: "the CPU in Node", holds: (device) => device === "cpu" },
  bfloat16: ON_OPENVINO,
  float16: ON_OPENVINO,
};

/** Refuses a precision that is unknown, or that `device` does not compute in. */
export function checkPrecision(precision: string, device: string): void {
  if (!PRECISIONS.some((known) => known === precision)) {
    throw new RangeError(`Cannot compute in "${precision}": one of ${PRECISIONS.join(", ")} is required`);
  }
  if (precision === "float32" || PLACES[precision as Narrow].holds(device)) return;
  throw new RangeError(
    `Cannot compute in ${precision} on device "${device}": it takes ${PLACES[precision as Narrow].takes}`,
  );
}

/**
 * Channels on either side below which a layer stays in float32: the first and the last convolution, where errors go
 * straight into the prediction, and layers in which nothing is to be gained.
 */
const LEAST_CHANNELS = 32;
/** Results of a channel below which weights are read rather than multiplied, as in the embedding of the timestep. */
const LEAST_POSITIONS = 16;
/** Multiplications below which scaling takes what the product saves. */
const LEAST_MACS = 2 ** 20;

/** `graph` with its layers in `precision` where that pays, weights within `range`; everything between them stays float32. */
export function withPrecision(graph: Graph, precision: Precision, range?: number): Graph {
  if (precision !== "int8") return graph;
  const constants = new Set<Value>(graph.initializers.keys());
  const ofWeights = constantNodes(graph);
  for (const node of ofWeights) for (const output of node.outputs) constants.add(output);
  const isConstant = (value: Value): boolean => constants.has(value);
  const chosen = graph.nodes.filter(
    (node) =>
      !ofWeights.has(node) && (isLinear(node, isConstant) || isPlainConv(node, isConstant)) && isWorthIt(sizesOf(node)),
  );
  return chosen.length === 0 ? graph : withInt8(graph, new Set(chosen), range);
}

interface Sizes {
  readonly inner: number;
  readonly outer: number;
  readonly positions: number;
  readonly macs: number;
}

const isWorthIt = ({ inner, outer, positions, macs }: Sizes): boolean =>
  Math.min(inner, outer) >= LEAST_CHANNELS && positions >= LEAST_POSITIONS && macs >= LEAST_MACS;

function sizesOf({ inputs: [, weight], outputs: [result] }: GraphNode): Sizes {
  if (weight === undefined || result === undefined) return { inner: 0, outer: 0, positions: 0, macs: 0 };
  const [outer, inner] = [sizeOf(weight, 0), sizeOf(weight, 1)];
  const elements = elementCount(result.shape);
  return { inner, outer, positions: elements / outer, macs: elements * elementCount(weight.shape.slice(1)) };
}
