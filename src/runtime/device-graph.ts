import type { Graph } from "../onnx/graph.ts";
import { halfPrecision } from "../onnx/passes/half-precision.ts";
import { productsAsGemm } from "../onnx/passes/products-as-gemm.ts";
import { splitAttention } from "../onnx/passes/split-attention.ts";
import type { DeviceFeatures } from "./device-features.ts";

/** `graph` in the form that a device computes rightly, and fast. */
export function deviceGraph(
  graph: Graph,
  { fusedAttention, fusedProducts, half }: DeviceFeatures,
  allowHalf: boolean,
): Graph {
  const attended = fusedAttention ? graph : splitAttention(graph);
  const computed = fusedProducts ? attended : productsAsGemm(attended);
  return half && allowHalf ? halfPrecision(computed) : computed;
}
