import type { Weight } from "../../checkpoint/weights.ts";
import type { KeyMap } from "../keys/key-map.ts";

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
  return end === undefined ? layerWeights(key, weight, "text_model") : [[end, weight]];
};

const VISUAL_ENDS: ReadonlyMap<string, string> = new Map([
  ["class_embedding", "vision_model.embeddings.class_embedding"],
  ["positional_embedding", "vision_model.embeddings.position_embedding.weight"],
  ["conv1.weight", "vision_model.embeddings.patch_embedding.weight"],
  ["ln_pre.weight", "vision_model.pre_layrnorm.weight"],
  ["ln_pre.bias", "vision_model.pre_layrnorm.bias"],
  ["ln_post.weight", "vision_model.post_layernorm.weight"],
  ["ln_post.bias", "vision_model.post_layernorm.bias"],
  ["proj", "visual_projection"], // a matrix to multiply by from the right, as text_projection
]);

const VISUAL = "visual.";

/** The tensors of both of OpenCLIP's towers in transformers' names. */
export const openClipModelWeights: KeyMap = (key, weight) => {
  if (!key.startsWith(VISUAL)) return key === "attn_mask" ? [] : openClipWeights(key, weight);
  const rest = key.slice(VISUAL.length);
  const end = VISUAL_ENDS.get(rest);
  return end === undefined ? layerWeights(rest, weight, "vision_model") : [[end, weight]];
};

/** A tensor of a layer of the tower that transformers calls `tower`. */
function layerWeights(key: string, weight: Weight, tower: string): ReturnType<KeyMap> {
  const [, layer, rest = ""] = /^transformer\.resblocks\.(\d+)\.(.+)$/.exec(key) ?? [];
  if (layer === undefined) return undefined;
  const at = `${tower}.encoder.layers.${layer}`;
  const [, fused] = /^attn\.in_proj_(weight|bias)$/.exec(rest) ?? [];
  if (fused !== undefined) {
    return FUSED.map((name, i) => [`${at}.self_attn.${name}.${fused}`, third(weight, i)] as const);
  }
  const [, owner = "", parameter] = /^(.+)\.(weight|bias)$/.exec(rest) ?? [];
  const name = LAYER.get(owner);
  return name === undefined ? undefined : [[`${at}.${name}.${parameter}`, weight]];
}

/** A third of the rows of `weight`, where it lies. */
function third({ dtype, shape: [rows = 0, ...rest], span }: Weight, index: number): Weight {
  const length = Math.floor(span.length / 3);
  return { dtype, shape: [rows / 3, ...rest], span: { ...span, offset: span.offset + index * length, length } };
}
