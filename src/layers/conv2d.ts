import type { Value } from "../onnx/graph.ts";
import { add, conv, sizeOf, slice } from "../onnx/ops.ts";
import { elementCount } from "../tensor/tensor.ts";
import type { Scope } from "./scope.ts";

export interface Conv2dOptions {
  /** The same on both sides, or [height, width]. */
  readonly kernel?: number | readonly [number, number];
  readonly stride?: number;
  /** The same on all sides, or [top, left, bottom, right]. */
  readonly padding?: number | readonly [number, number, number, number];
  readonly bias?: boolean;
}

/** torch.nn.Conv2d on x [N, C, H, W]; 1×1 unless told otherwise. */
export function conv2d(scope: Scope, x: Value, channels: number, options: Conv2dOptions = {}): Value {
  return joinedConv2d(scope, [x], channels, options);
}

/**
 * torch.nn.Conv2d on the concatenation of `pieces` along the channels, as a sum of one convolution each: what depends on
 * one piece alone can then be computed apart from the rest.
 */
export function joinedConv2d(
  scope: Scope,
  pieces: readonly Value[],
  channels: number,
  { kernel = 1, stride = 1, padding = 0, bias = true }: Conv2dOptions = {},
): Value {
  const inner = pieces.reduce((sum, piece) => sum + sizeOf(piece, 1), 0);
  const [height, width] = typeof kernel === "number" ? [kernel, kernel] : kernel;
  const weight = scope.weight("weight", [channels, inner, height, width]);
  const offset = bias ? scope.weight("bias", [channels]) : undefined;
  const pads = typeof padding === "number" ? ([padding, padding, padding, padding] as const) : padding;
  let start = 0;
  const outputs = pieces.map((piece, i) => {
    const end = start + sizeOf(piece, 1);
    const part = pieces.length === 1 ? weight : slice(weight, 1, start, end);
    const last = i === pieces.length - 1;
    const y = conv(piece, part, last ? offset : undefined, { stride, pads });
    start = end;
    const biases = bias && last ? elementCount(y.shape) : 0;
    return y.builder.tally(y, elementCount(y.shape) * elementCount(part.shape.slice(1)) + biases);
  });
  return outputs.reduce(add);
}
