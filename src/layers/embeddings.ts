import type { Value } from "../onnx/graph.ts";
import { concat, cos, multiply, reshape, sin, sizeOf } from "../onnx/ops.ts";
import { ACTIVATIONS, type ActivationName } from "./activations.ts";
import { linear } from "./linear.ts";
import type { Scope } from "./scope.ts";

export interface SinusoidConfig {
  readonly width: number;
  /** Cosines first. */
  readonly flipSinToCos: boolean;
  readonly freqShift: number;
}

/** Sinusoidal embedding of `positions` [n] as [n, width] (diffusers' `Timesteps`; Attention Is All You Need §3.5). */
export function sinusoid(positions: Value, { width, flipSinToCos, freqShift }: SinusoidConfig): Value {
  const half = width / 2;
  if (!Number.isInteger(half))
    throw new RangeError(`Cannot embed a position in ${width} numbers: an even count is required`);
  const frequencies = Float32Array.from({ length: half }, (_, i) =>
    // float32 at each step, as the reference computes it: the angle for t = 999 shows a last bit's difference.
    Math.exp(Math.fround(Math.fround(Math.fround(-Math.log(10000)) * i) / Math.fround(half - freqShift))),
  );
  const column = reshape(positions, [sizeOf(positions, 0), 1]);
  const angles = multiply(column, positions.builder.constant(frequencies, [1, half]));
  const [s, c] = [sin(angles), cos(angles)];
  return concat(flipSinToCos ? [c, s] : [s, c], 1);
}

/** Two linear layers with an activation between (diffusers' `TimestepEmbedding`). */
export function embeddingMlp(scope: Scope, x: Value, width: number, activation: ActivationName = "silu"): Value {
  const hidden = ACTIVATIONS[activation](linear(scope.at("linear_1"), x, width));
  return linear(scope.at("linear_2"), hidden, width);
}
