import type { Value } from "../onnx/graph.ts";
import { add, gelu, multiply, sizeOf } from "../onnx/ops.ts";
import { attention, toImage, toTokens } from "./attention.ts";
import { linear } from "./linear.ts";
import { groupNorm, layerNorm } from "./norms.ts";
import type { Scope } from "./scope.ts";

export interface TransformerConfig {
  readonly heads: number;
  readonly layers: number;
  readonly groups: number;
  /** Whether the projections in and out are stored as linear layers rather than 1×1 convolutions. */
  readonly linearProjection: boolean;
  /** Whether the first attention looks at the context too. */
  readonly onlyCrossAttention: boolean;
}

/** Transformer layers over the pixels of x [B, C, H, W] that look at `context` [B, L, D] (diffusers' `Transformer2DModel`). */
export function spatialTransformer(scope: Scope, x: Value, context: Value, config: TransformerConfig): Value {
  const { layers, groups, linearProjection } = config;
  const channels = sizeOf(x, 1);
  const countAs = linearProjection ? "linear" : "convolution";
  const tokens = toTokens(groupNorm(scope.at("norm"), x, { groups, epsilon: 1e-6 }));
  let h = linear(scope.at("proj_in"), tokens, channels, { countAs });
  for (let i = 0; i < layers; i++) h = transformerBlock(scope.at(`transformer_blocks.${i}`), h, context, config);
  return add(toImage(linear(scope.at("proj_out"), h, channels, { countAs }), x), x);
}

/** Self-attention, cross-attention and a gated feed-forward layer, each with a norm before and a residual around it. */
function transformerBlock(
  scope: Scope,
  x: Value,
  context: Value,
  { heads, onlyCrossAttention }: TransformerConfig,
): Value {
  const first = layerNorm(scope.at("norm1"), x);
  const h = add(attention(scope.at("attn1"), first, onlyCrossAttention ? context : first, { heads }), x);
  const g = add(attention(scope.at("attn2"), layerNorm(scope.at("norm2"), h), context, { heads }), h);
  return add(gatedFeedForward(scope.at("ff.net"), layerNorm(scope.at("norm3"), g)), g);
}

/** GEGLU (Shazeer 2020), four times as wide inside; the two halves of the projection are two views of one weight. */
function gatedFeedForward(scope: Scope, x: Value): Value {
  const width = sizeOf(x, -1);
  const [inner, of] = [4 * width, 8 * width];
  const projection = scope.at("0.proj");
  const values = linear(projection, x, inner, { rows: { start: 0, of } });
  const gates = linear(projection, x, inner, { rows: { start: inner, of } });
  return linear(scope.at("2"), multiply(values, gelu(gates)), width);
}
