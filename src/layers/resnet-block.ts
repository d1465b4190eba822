import type { Value } from "../onnx/graph.ts";
import { add, concat, multiply, reshape, resizeNearest, scalar, scale, sizeOf, slice } from "../onnx/ops.ts";
import { silu } from "./activations.ts";
import { conv2d, joinedConv2d } from "./conv2d.ts";
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

/** The concatenation of `main` and `skip` along the channels, not yet concatenated. */
export interface Joined {
  readonly main: Value;
  readonly skip: Value;
}

/**
 * Two 3×3 convolutions, each after a group norm and SiLU, around a residual (diffusers' `ResnetBlock2D`). A joined input
 * keeps what depends on `main` alone apart (see `separated`); the result is the same but for rounding.
 */
export function resnetBlock(scope: Scope, x: Value | Joined, config: ResnetConfig): Value {
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

  const pieces = "main" in x ? separated(x, groups) : [{ value: x, groups }];
  const of = pieces.reduce((sum, { value }) => sum + sizeOf(value, 1), 0);
  let start = 0;
  const normal = pieces.map((piece) => {
    const range = { start, of };
    start += sizeOf(piece.value, 1);
    return silu(groupNorm(scope.at("norm1"), piece.value, { groups: piece.groups, epsilon, tallied }, range));
  });
  let h = joinedConv2d(scope.at("conv1"), normal, channels, { kernel: 3, padding: 1 });
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
  const values = pieces.map(({ value }) => value);
  const [only] = values;
  const residual =
    values.length === 1 && only !== undefined && of === channels
      ? only
      : joinedConv2d(scope.at("conv_shortcut"), values, channels);
  return scale(add(residual, h), 1 / outputScale);
}

/**
 * Splits a joined input at the last border of norm groups that lies within `main`: the first piece depends on `main`
 * alone, the second takes what is left of `main` and the skip. Exact, since a group norm sees each group by itself and a
 * convolution is a sum over channels.
 */
function separated({ main, skip }: Joined, groups: number): readonly { value: Value; groups: number }[] {
  const [width, skipWidth] = [sizeOf(main, 1), sizeOf(skip, 1)];
  const perGroup = (width + skipWidth) / groups;
  const own = Math.floor(width / perGroup);
  const border = own * perGroup;
  if (own === 0) return [{ value: concat([main, skip], 1), groups }];
  const rest = border === width ? skip : concat([slice(main, 1, border, width), skip], 1);
  const first = border === width ? main : slice(main, 1, 0, border);
  return [
    { value: first, groups: own },
    { value: rest, groups: groups - own },
  ];
}

/** Halves height and width by a strided convolution; `padding` 0 pads right and bottom alone, as the original code does. */
export function downsample(scope: Scope, x: Value, padding: number): Value {
  const pads = padding === 0 ? ([0, 0, 1, 1] as const) : padding;
  return conv2d(scope.at("conv"), x, sizeOf(x, 1), { kernel: 3, stride: 2, padding: pads });
}

/** Enlarges to `size` [height, width], then convolves. */
export function upsample(scope: Scope, x: Value, [height, width]: readonly [number, number]): Value {
  return conv2d(scope.at("conv"), resizeNearest(x, height, width), sizeOf(x, 1), { kernel: 3, padding: 1 });
}
