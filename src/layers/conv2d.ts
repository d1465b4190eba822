import type { Value } from "../onnx/graph.ts";
import { conv, sizeOf } from "../onnx/ops.ts";
import { elementCount } from "../tensor/tensor.ts";
import type { Scope } from "./scope.ts";

export interface Conv2dOptions {
  readonly kernel?: number;
  readonly stride?: number;
  /** The same on all sides, or [top, left, bottom, right]. */
  readonly padding?: number | readonly [number, number, number, number];
  readonly bias?: boolean;
}

/** torch.nn.Conv2d on x [N, C, H, W]; 1×1 unless told otherwise. */
export function conv2d(
  scope: Scope,
  x: Value,
  channels: number,
  { kernel = 1, stride = 1, padding = 0, bias = true }: Conv2dOptions = {},
): Value {
  const weight = scope.weight("weight", [channels, sizeOf(x, 1), kernel, kernel]);
  const offset = bias ? scope.weight("bias", [channels]) : undefined;
  const pads = typeof padding === "number" ? ([padding, padding, padding, padding] as const) : padding;
  const y = conv(x, weight, offset, { stride, pads });
  const outputs = elementCount(y.shape);
  return x.builder.tally(y, outputs * elementCount(weight.shape.slice(1)) + (bias ? outputs : 0));
}
