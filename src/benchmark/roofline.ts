import type { Graph } from "../onnx/graph.ts";
import { countMacs } from "../onnx/macs.ts";
import { elementCount } from "../tensor/tensor.ts";
import type { MachinePeak } from "./machine-peak.ts";

/** What graphs compute, by the machine's peaks that bound it. */
export interface Work {
  /** Multiply-adds of convolutions. */
  readonly convolution: number;
  /** Multiply-adds of matrix products, attention's among them. */
  readonly product: number;
  /** Exponentials that attention takes. */
  readonly exponentials: number;
}

/** Adds up the work of `graphs`. Norms, activations and copies count as nothing, which only lowers the floor. */
export function workOf(graphs: readonly Graph[]): Work {
  const nodes = graphs.flatMap((graph) => graph.nodes);
  const convolution = countMacs({ nodes: nodes.filter(({ op }) => op === "Conv") }).total;
  return {
    convolution,
    product: countMacs({ nodes }).total - convolution,
    exponentials: nodes.reduce((sum, node) => sum + exponentials(node), 0),
  };
}

function exponentials({ op, inputs: [first, key], outputs: [output], attributes }: Graph["nodes"][number]): number {
  if (op === "Softmax") return elementCount(output!.shape);
  if (op !== "MultiHeadAttention") return 0;
  const [batch, queries] = first!.shape;
  return batch! * queries! * key!.shape[1]! * Number(attributes["num_heads"]);
}

/**
 * Seconds that `work` takes at least, if each operation went at the peak that the machine reached on a large one of its
 * kind: the roofline of Williams, Waterman & Patterson (2009), with no bound for memory.
 */
export const floorSeconds = (
  { convolution, product, exponentials }: Work,
  { convGflops, gemmGflops, softmaxGexps }: MachinePeak,
): number => ((2 * convolution) / convGflops + (2 * product) / gemmGflops + exponentials / softmaxGexps) / 1e9;
