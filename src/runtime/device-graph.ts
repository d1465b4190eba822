import type { Graph } from "../onnx/graph.ts";
import { halfPrecision } from "../onnx/passes/half-precision.ts";
import { productsAsGemm } from "../onnx/passes/products-as-gemm.ts";
import { splitAttention } from "../onnx/passes/split-attention.ts";
import { widenedWeights } from "../onnx/passes/widened-weights.ts";
import type { DeviceFeatures } from "./device-features.ts";

/** `graph` in the form that a device computes rightly, and fast. */
export function deviceGraph(
  graph: Graph,
  { fusedAttention, fusedProducts, half, halfWeights }: DeviceFeatures,
  allowHalf: boolean,
): Graph {
  const weighted = halfWeights ? graph : widenedWeights(graph);
  const attended = fusedAttention ? weighted : splitAttention(weighted);
  const computed = fusedProducts ? attended : productsAsGemm(attended);
  return half && allowHalf ? halfPrecision(computed) : computed;
}
