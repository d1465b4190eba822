import type { Value } from "../onnx/graph.ts";
import { add, matmulTransposed, sizeOf } from "../onnx/ops.ts";
import { elementCount } from "../tensor/tensor.ts";
import type { Scope } from "./scope.ts";

export interface LinearOptions {
  readonly bias?: boolean;
  /** Take only `width` rows of the weight, from this one on, of `of` in all. */
  readonly rows?: { readonly start: number; readonly of: number };
  /** What the paper's counter sees here: it counts a bias once per linear layer, but per pixel for a convolution. */
  readonly countAs?: "linear" | "convolution";
}

/** torch.nn.Linear over the last axis of x; the weight stays [out, in] as PyTorch stores it. */
export function linear(
  scope: Scope,
  x: Value,
  width: number,
  { bias = true, rows = { start: 0, of: width }, countAs = "linear" }: LinearOptions = {},
): Value {
  const inner = sizeOf(x, -1);
  const weight = scope.rows("weight", [width, inner], rows.start, rows.of);
  const positions = elementCount(x.shape) / inner;
  const biases = bias ? width * (countAs === "linear" ? 1 : positions) : 0;
  const y = x.builder.tally(matmulTransposed(x, weight), positions * inner * width + biases);
  return bias ? add(y, scope.rows("bias", [width], rows.start, rows.of)) : y;
}
