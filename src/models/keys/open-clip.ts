import type { Weight } from "../../checkpoint/weights.ts";
import type { KeyMap } from "./key-map.ts";

const ENDS: ReadonlyMap<string, string> = new Map([
  ["positional_embedding", "text_model.embeddings.position_embedding.weight"],
  ["token_embedding.weight", "text_model.embeddings.token_embedding.weight"],
  ["ln_final.weight", "text_model.final_layer_norm.weight"],
  ["ln_final.bias", "text_model.final_layer_norm.bias"],
  // Without ".weight": it is a matrix to multiply by from the right, the transpose of what a linear layer keeps.
  ["text_projection", "text_projection"],
]);

const LAYER: ReadonlyMap<string, string> = new Map([
  ["ln_1", "layer_norm1"],
  ["ln_2", "layer_norm2"],
  ["mlp.c_fc", "mlp.fc1"],
  ["mlp.c_proj", "mlp.fc2"],
  ["attn.out_proj", "self_attn.out_proj"],
]);

/** OpenCLIP keeps the projections to queries, keys and values as one weight, one below the other. */
const FUSED = ["q_proj", "k_proj", "v_proj"] as const;

/** The tensors of OpenCLIP's text tower in transformers' names. */
export const openClipWeights: KeyMap = (key, weight) => {
  const end = ENDS.get(key);
  if (end !== undefined) return [[end, weight]];
  const [, layer, rest = ""] = /^transformer\.resblocks\.(\d+)\.(.+)$/.exec(key) ?? [];
  if (layer === undefined) return undefined;
  const at = `text_model.encoder.layers.${layer}`;
  const [, fused] = /^attn\.in_proj_(weight|bias)$/.exec(rest) ?? [];
  if (fused !== undefined) {
    return FUSED.map((name, i) => [`${at}.self_attn.${name}.${fused}`, third(weight, i)] as const);
  }
  const [, owner = "", parameter] = /^(.+)\.(weight|bias)$/.exec(rest) ?? [];
  const name = LAYER.get(owner);
  return name === undefined ? undefined : [[`${at}.${name}.${parameter}`, weight]];
};

/** A third of the rows of `weight`, where it lies. */
function third({ dtype, shape: [rows = 0, ...rest], span }: Weight, index: number): Weight {
  const length = Math.floor(span.length / 3);
  return { dtype, shape: [rows / 3, ...rest], span: { path: span.path, offset: span.offset + index * length, length } };
}
