import type { Weights } from "../checkpoint/weights.ts";

/** Attention layers as diffusers named them before 0.12; SD 1.5's autoencoder and google/ddpm-* still have these names. */
const OLD_ATTENTION: readonly (readonly [RegExp, string])[] = [
  [/(\.attentions\.\d+)\.query\./, "$1.to_q."],
  [/(\.attentions\.\d+)\.key\./, "$1.to_k."],
  [/(\.attentions\.\d+)\.value\./, "$1.to_v."],
  [/(\.attentions\.\d+)\.proj_attn\./, "$1.to_out.0."],
];

/** The same weights under the names that current diffusers gives them. */
export function withCurrentNames(weights: Weights): Weights {
  return new Map(
    [...weights].map(([key, weight]) => [
      OLD_ATTENTION.reduce((name, [pattern, replacement]) => name.replace(pattern, replacement), key),
      weight,
    ]),
  );
}
