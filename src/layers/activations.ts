import type { Value } from "../onnx/graph.ts";
import { gelu, quickGelu, relu } from "../onnx/ops.ts";

/** x·sigmoid(x), also called swish. */
export const silu = (x: Value): Value => quickGelu(x, 1);

/** Activations by the names that configs use. */
export const ACTIVATIONS = {
  silu,
  swish: silu,
  relu,
  gelu,
  quick_gelu: (x: Value): Value => quickGelu(x, 1.702),
} as const satisfies Record<string, (x: Value) => Value>;

export type ActivationName = keyof typeof ACTIVATIONS;
