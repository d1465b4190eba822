import type { Value } from "../onnx/graph.ts";
import { add, multiHeadAttention, sizeOf } from "../onnx/ops.ts";
import { ACTIVATIONS, type ActivationName } from "./activations.ts";
import { linear } from "./linear.ts";
import { layerNorm } from "./norms.ts";
import type { Scope } from "./scope.ts";

export interface ClipEncoderConfig {
  readonly layers: number;
  readonly heads: number;
  /** Width between the two linear layers of the feed-forward part. */
  readonly innerWidth: number;
  readonly activation: ActivationName;
  readonly epsilon: number;
}

/** What every layer of a CLIP tower leaves, x [B, S, C] itself first; `bias` is added to the attention scores. */
export function clipEncoder(scope: Scope, x: Value, config: ClipEncoderConfig, bias?: Value): readonly Value[] {
  const states = [x];
  let h = x;
  for (let i = 0; i < config.layers; i++) {
    h = clipLayer(scope.at(`layers.${i}`), h, config, bias);
    states.push(h);
  }
  return states;
}

/** Self-attention and a feed-forward layer, each with a norm before and a residual around it. */
function clipLayer(scope: Scope, x: Value, config: ClipEncoderConfig, bias: Value | undefined): Value {
  const { heads, innerWidth, activation, epsilon } = config;
  const width = sizeOf(x, -1);
  const attend = (at: Scope, tokens: Value): Value => {
    const [q, k, v] = ["q_proj", "k_proj", "v_proj"].map((name) => linear(at.at(name), tokens, width));
    return linear(at.at("out_proj"), multiHeadAttention(q!, k!, v!, heads, bias), width);
  };
  const feedForward = (at: Scope, tokens: Value): Value =>
    linear(at.at("fc2"), ACTIVATIONS[activation](linear(at.at("fc1"), tokens, innerWidth)), width);
  const h = add(x, attend(scope.at("self_attn"), layerNorm(scope.at("layer_norm1"), x, epsilon)));
  return add(h, feedForward(scope.at("mlp"), layerNorm(scope.at("layer_norm2"), h, epsilon)));
}
