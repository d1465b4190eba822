import { elementCount } from "../tensor/tensor.ts";
import type { Graph, GraphNode } from "./graph.ts";
import { sizeOf } from "./ops.ts";

/** Multiply-accumulate operations of a graph, for the batch that it was built for. */
export interface Macs {
  /** Everything: convolutions, linear layers and attention products. */
  readonly total: number;
  /** The part of `total` that is attention's two matrix products, which the paper's counter leaves out. */
  readonly attention: number;
  /** As the paper's counter has it: biases and normalisations included, attention products not. */
  readonly reference: number;
}

type Count = (node: GraphNode) => { total: number; attention?: number };

const matrixProduct: Count = ({ inputs: [a], outputs: [y] }) => ({ total: elementCount(y!.shape) * sizeOf(a!, -1) });

const COUNTS: Readonly<Record<string, Count>> = {
  Conv: ({ inputs: [, weight], outputs: [y] }) => ({
    total: elementCount(y!.shape) * elementCount(weight!.shape.slice(1)),
  }),
  MatMul: matrixProduct,
  FusedMatMul: matrixProduct,
  Gemm: matrixProduct,
  MultiHeadAttention: ({ inputs: [query, key, value] }) => {
    const products = elementCount(query!.shape) * sizeOf(key!, 1);
    const total = products + (elementCount(query!.shape) / sizeOf(query!, -1)) * sizeOf(key!, 1) * sizeOf(value!, -1);
    return { total, attention: total };
  },
};

/** Adds up the operations of `graph`'s nodes; what is done to weights on loading is none of an evaluation's. */
export function countMacs({ nodes }: Pick<Graph, "nodes">): Macs {
  const sum = { total: 0, attention: 0, reference: 0 };
  for (const node of nodes) {
    if (node.ofWeights) continue;
    const { total, attention = 0 } = COUNTS[node.op]?.(node) ?? { total: 0 };
    sum.total += total;
    sum.attention += attention;
    sum.reference += node.referenceMacs;
  }
  return sum;
}

export const addMacs = (a: Macs, b: Macs): Macs => ({
  total: a.total + b.total,
  attention: a.attention + b.attention,
  reference: a.reference + b.reference,
});
