import type { Value } from "../onnx/graph.ts";
import { add, multiHeadAttention, reshape, scale, sizeOf, transpose } from "../onnx/ops.ts";
import { type LinearOptions, linear } from "./linear.ts";
import { groupNorm } from "./norms.ts";
import type { Scope } from "./scope.ts";

export interface AttentionConfig {
  readonly heads: number;
  /** Whether to_q, to_k and to_v have biases. */
  readonly bias?: boolean;
  /** What the paper's counter sees in the four projections. */
  readonly countAs?: LinearOptions["countAs"];
}

/** Attention of tokens x [B, S, C] over `context` [B, L, D]; over x itself where they are the same value. */
export function attention(
  scope: Scope,
  x: Value,
  context: Value,
  { heads, bias = false, countAs = "linear" }: AttentionConfig,
): Value {
  const width = sizeOf(x, -1);
  if (width % heads !== 0) {
    throw new RangeError(`Cannot attend in "${scope.path}": ${width} channels do not divide into ${heads} heads`);
  }
  const q = linear(scope.at("to_q"), x, width, { bias, countAs });
  const k = linear(scope.at("to_k"), context, width, { bias, countAs });
  const v = linear(scope.at("to_v"), context, width, { bias, countAs });
  return linear(scope.at("to_out.0"), multiHeadAttention(q, k, v, heads), width, { countAs });
}

/** x [B, C, H, W] as tokens [B, H·W, C]. */
export function toTokens(x: Value): Value {
  const [batch, channels] = [sizeOf(x, 0), sizeOf(x, 1)];
  return transpose(reshape(x, [batch, channels, sizeOf(x, 2) * sizeOf(x, 3)]), [0, 2, 1]);
}

/** Tokens [B, H·W, C] as an image [B, C, H, W] of the size of `like`. */
export function toImage(tokens: Value, like: Value): Value {
  return reshape(transpose(tokens, [0, 2, 1]), [sizeOf(like, 0), sizeOf(tokens, 2), sizeOf(like, 2), sizeOf(like, 3)]);
}

export interface AttentionBlockConfig {
  readonly heads: number;
  /** Of the norm before; undefined where there is none. */
  readonly groups: number | undefined;
  readonly epsilon: number;
  readonly outputScale?: number;
}

/** Self-attention over pixels with a group norm before and a residual around it (diffusers' `AttentionBlock`). */
export function attentionBlock(
  scope: Scope,
  x: Value,
  { heads, groups, epsilon, outputScale = 1 }: AttentionBlockConfig,
): Value {
  const tokens = toTokens(groups === undefined ? x : groupNorm(scope.at("group_norm"), x, { groups, epsilon }));
  // The original DDPM code, which the paper counted, projects by 1×1 convolutions.
  const attended = attention(scope, tokens, tokens, { heads, bias: true, countAs: "convolution" });
  return scale(add(toImage(attended, x), x), 1 / outputScale);
}
