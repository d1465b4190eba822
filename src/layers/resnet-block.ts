import type { Value } from "../onnx/graph.ts";
import { add, multiply, reshape, resizeNearest, scalar, scale, sizeOf, slice } from "../onnx/ops.ts";
import { silu } from "./activations.ts";
import { conv2d } from "./conv2d.ts";
import { linear } from "./linear.ts";
import { groupNorm } from "./norms.ts";
import type { Scope } from "./scope.ts";

export interface ResnetConfig {
  readonly channels: number;
  readonly groups: number;
  readonly epsilon: number;
  /** Activated time embedding [1 or B, width]; none in autoencoders. */
  readonly time?: Value | undefined;
  /** How the time enters: added before the second norm, or as scale and shift after it. */
  readonly timeNorm?: "default" | "scale_shift";
  readonly outputScale?: number;
  /** As in `GroupNormConfig`. */
  readonly normsTallied?: boolean | undefined;
}

/** Two 3×3 convolutions, each after a group norm and SiLU, around a residual (diffusers' `ResnetBlock2D`). */
export function resnetBlock(scope: Scope, x: Value, config: ResnetConfig): Value {
  const {
    channels,
    groups,
    epsilon,
    time,
    timeNorm = "default",
    outputScale = 1,
    normsTallied: tallied = true,
  } = config;
  const norm = (name: string, value: Value): Value => groupNorm(scope.at(name), value, { groups, epsilon, tallied });
  const convolve = (name: string, value: Value): Value =>
    conv2d(scope.at(name), value, channels, { kernel: 3, padding: 1 });
  const projectTime = (embedding: Value, width: number): Value => {
    const projected = linear(scope.at("time_emb_proj"), embedding, width);
    return reshape(projected, [sizeOf(embedding, 0), width, 1, 1]);
  };

  let h = convolve("conv1", silu(norm("norm1", x)));
  if (time === undefined) {
    h = norm("norm2", h);
  } else if (timeNorm === "default") {
    h = norm("norm2", add(h, projectTime(time, channels)));
  } else {
    const both = projectTime(time, 2 * channels);
    const [gain, shift] = [slice(both, 1, 0, channels), slice(both, 1, channels, 2 * channels)];
    h = add(multiply(norm("norm2", h), add(gain, scalar(gain, 1))), shift);
  }
  h = convolve("conv2", silu(h));
  const residual = sizeOf(x, 1) === channels ? x : conv2d(scope.at("conv_shortcut"), x, channels);
  return scale(add(residual, h), 1 / outputScale);
}

/** Halves height and width by a strided convolution; `padding` 0 pads right and bottom alone, as the original code does. */
export function downsample(scope: Scope, x: Value, padding: number): Value {
  const pads = padding === 0 ? ([0, 0, 1, 1] as const) : padding;
  return conv2d(scope.at("conv"), x, sizeOf(x, 1), { kernel: 3, stride: 2, padding: pads });
}

/** Enlarges to `size` [height, width], twice the size where none is given, then convolves. */
export function upsample(scope: Scope, x: Value, size?: readonly [number, number]): Value {
  const [height, width] = size ?? [2 * sizeOf(x, 2), 2 * sizeOf(x, 3)];
  return conv2d(scope.at("conv"), resizeNearest(x, height, width), sizeOf(x, 1), { kernel: 3, padding: 1 });
}
