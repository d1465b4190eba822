import type { Weights } from "../../checkpoint/weights.ts";
import { type ClipEncoderConfig, clipEncoder } from "../../layers/clip-encoder.ts";
import { linear } from "../../layers/linear.ts";
import { sharedLayerNorm } from "../../layers/norms.ts";
import { checkpointScope, type Scope } from "../../layers/scope.ts";
import { type Graph, graphBuilder, type Value } from "../../onnx/graph.ts";
import {
  add,
  argMax,
  cast,
  equal,
  gather,
  integers,
  matmul,
  multiply,
  reshape,
  scalar,
  scale,
  sizeOf,
  slice,
  subtract,
} from "../../onnx/ops.ts";
import { DTYPES } from "../../tensor/dtype.ts";
import { entry } from "../../tensor/tensor.ts";
import { ConfigError, type ConfigReader, configReader, LAYER_COUNT, POSITION_COUNT } from "../config-reader.ts";

/** A CLIP text tower as its config.json describes it, transformers' defaults filled in. */
export interface ClipTextConfig extends ClipEncoderConfig {
  readonly width: number;
  readonly vocabularySize: number;
  /** The most tokens of a prompt. */
  readonly positions: number;
  /** Which token's state stands for the whole prompt: the highest id's, or the first one's of this id. */
  readonly pooling: { readonly kind: "highest" } | { readonly kind: "first"; readonly id: number };
  /** Width of `text_embeds`, where the model has that projection. */
  readonly projection: number | undefined;
  /** Whether Stable Diffusion's pipelines hide the padding of a prompt from it (`use_attention_mask`). */
  readonly hidesPadding?: boolean | undefined;
}

export interface ClipTextOptions {
  readonly batch: number;
  readonly length: number;
  /** How many of the last layers `context` does without. */
  readonly skip?: number;
  /** Whether `context` goes through the final norm; SDXL's does not, and skips one layer at least. */
  readonly finalNorm?: boolean;
  /** Adds the input `attention_mask` [B, L]: 1 for tokens, 0 for padding that no token sees. */
  readonly masked?: boolean;
  /**
   * Adds the inputs `kept` [B, L, 1], 1 for tokens of the vocabulary and 0 for others, and `added` [B, L, C]: the vectors of
   * those others.
   */
  readonly overlaid?: boolean;
  /** Adds the outputs `hidden_states.0` (the embeddings), `hidden_states.1`, … */
  readonly hiddenStates?: boolean;
}

/** The classes of transformers that read a prompt, by whether they project what it comes to. */
const PROJECTS: ReadonlyMap<string, boolean> = new Map([
  ["CLIPTextModel", false],
  ["CLIPTextModelWithProjection", true],
]);

/**
 * Reads a transformers config.json of CLIPTextModel or CLIPTextModelWithProjection; `className` is what the model is
 * loaded as where that is settled elsewhere, and then the config may be that of a whole CLIPModel.
 */
export function clipTextConfig(
  config: unknown,
  source = "text_encoder/config.json",
  className?: string,
): ClipTextConfig {
  const whole = configReader(config, source);
  const read = whole.isObject("text_config") ? whole.section("text_config") : whole;
  const projected = PROJECTS.get(className ?? ownClass(whole));
  if (projected === undefined) {
    if (className === undefined) whole.fail("architectures", '["CLIPTextModel"] or ["CLIPTextModelWithProjection"]');
    throw new ConfigError(
      `Cannot use "${source}" as ${className}: CLIPTextModel or CLIPTextModelWithProjection is required`,
    );
  }
  const tower = textTowerConfig(read, projected ? read.integer("projection_dim", 512) : undefined);
  return whole.boolean("use_attention_mask", false) ? { ...tower, hidesPadding: true } : tower;
}

function ownClass(read: ConfigReader): string {
  const [architecture = "CLIPTextModel"] = read.has("architectures") ? read.strings("architectures") : [];
  return architecture;
}

/** The fields of a text tower, whose projection is described elsewhere. */
export function textTowerConfig(read: ConfigReader, projection: number | undefined): ClipTextConfig {
  // 2 is not the id of the end: configs written before transformers 4.31 say so, and their vocabularies end with it.
  const eos = read.integer("eos_token_id", 49407, { least: 0 });
  return {
    ...clipEncoderConfig(read, { width: 512, innerWidth: 2048, heads: 8 }),
    vocabularySize: read.integer("vocab_size", 49408),
    positions: read.integer("max_position_embeddings", 77, POSITION_COUNT),
    pooling: eos === 2 ? { kind: "highest" } : { kind: "first", id: eos },
    projection,
  };
}

/** What both towers of CLIP describe in the same way. */
export function clipEncoderConfig(
  read: ConfigReader,
  defaults: { readonly width: number; readonly innerWidth: number; readonly heads: number },
): ClipEncoderConfig & { readonly width: number } {
  const width = read.integer("hidden_size", defaults.width);
  const heads = read.integer("num_attention_heads", defaults.heads);
  if (width % heads !== 0) read.fail("num_attention_heads", `a divisor of ${width}, the hidden size,`);
  return {
    width,
    heads,
    layers: read.integer("num_hidden_layers", 12, LAYER_COUNT),
    innerWidth: read.integer("intermediate_size", defaults.innerWidth),
    activation: read.choice("hidden_act", { quick_gelu: "quick_gelu", gelu: "gelu" } as const, "quick_gelu"),
    epsilon: read.number("layer_norm_eps", 1e-5),
  };
}

/** What a whole CLIPModel has beside its text tower. */
const OF_CLIP_MODEL = [/^vision_model\./, /^visual_projection\./, /^logit_scale$/];

/** Buffers that old files carry beside the weights. */
export const POSITION_IDS = /(^|\.)embeddings\.position_ids$/;

/**
 * From `input_ids` [B, L] to `context` [B, L, C], what a U-Net looks at, and to `last_hidden_state` and `pooler_output`;
 * to `text_embeds` too where the model has a projection. Diffusers' clip_skip k is `skip: k`, for SDXL
 * `skip: k + 1, finalNorm: false`; its default is k = 0 for both.
 */
export function clipTextModel(config: ClipTextConfig, options: ClipTextOptions, weights?: Weights): Graph {
  const { batch, length, skip = 0, finalNorm = true, masked = false, hiddenStates = false, overlaid = false } = options;
  checkLength(config, length);
  if (!Number.isInteger(skip) || skip < 0 || skip > config.layers) {
    throw new RangeError(`Cannot skip ${skip} layers of the text model: 0 to ${config.layers} are allowed`);
  }
  const builder = graphBuilder("clip_text");
  const { root, check } = checkpointScope(builder, weights);
  const ids = builder.input("input_ids", "I64", [batch, length]);
  // transformers 5 writes the tower's keys without a prefix.
  const bare = root.has("embeddings.token_embedding.weight");
  const mask = masked ? builder.input("attention_mask", "F32", [batch, length]) : undefined;
  const overlay = overlaid
    ? {
        kept: builder.input("kept", "F32", [batch, length, 1]),
        added: builder.input("added", "F32", [batch, length, config.width]),
      }
    : undefined;
  const tower = textTower(bare ? root : root.at("text_model"), ids, config, mask, overlay);
  const outputs: Record<string, Value> = {
    context: finalNorm
      ? tower.norm(entry(tower.states, config.layers - skip))
      : entry(tower.states, config.layers - skip),
    last_hidden_state: tower.last,
    pooler_output: tower.pooled,
  };
  if (config.projection !== undefined) {
    outputs["text_embeds"] = projected(root, "text_projection", tower.pooled, config.projection);
  }
  if (hiddenStates) {
    tower.states.forEach((state, i) => {
      outputs[`hidden_states.${i}`] = state;
    });
  }
  const [className, unused] =
    config.projection === undefined
      ? ["CLIPTextModel", [/^text_projection(\.weight)?$/]]
      : ["CLIPTextModelWithProjection", []];
  check(className, [POSITION_IDS, ...OF_CLIP_MODEL, ...unused]);
  return builder.finish(outputs);
}

/** Transformers keeps the projection as a linear layer, OpenCLIP's own checkpoints as the transposed matrix. */
export function projected(root: Scope, name: string, pooled: Value, width: number): Value {
  const inner = sizeOf(pooled, -1);
  if (!root.has(name)) return linear(root.at(name), pooled, width, { bias: false });
  const matrix = root.weight(name, [inner, width]);
  return root.builder.tally(matmul(pooled, matrix), sizeOf(pooled, 0) * inner * width);
}

/** Token ids, one row a prompt, as the input of a text model; an id that the model does not know is refused. */
export function tokenInput(
  rows: readonly (readonly number[])[],
  { vocabularySize, positions }: Pick<ClipTextConfig, "vocabularySize" | "positions">,
): { readonly data: BigInt64Array; readonly shape: readonly [number, number] } {
  const length = rows[0]?.length ?? 0;
  for (const row of rows) {
    if (row.length !== length || length === 0 || length > positions) {
      throw new RangeError(`Cannot encode ${row.length} tokens: ${positions} at most, the same for every prompt`);
    }
    for (const id of row) {
      if (!Number.isInteger(id) || id < 0 || id >= vocabularySize) {
        throw new RangeError(`Cannot encode token ${id}: the text model knows tokens 0 to ${vocabularySize - 1}`);
      }
    }
  }
  return { data: BigInt64Array.from(rows.flat(), BigInt), shape: [rows.length, length] };
}

export interface TextTower {
  /** The embeddings, then what every layer leaves. */
  readonly states: readonly Value[];
  readonly norm: (x: Value) => Value;
  /** The last state after the final norm. */
  readonly last: Value;
  /** [B, C] */
  readonly pooled: Value;
}

/** The transformer over tokens, each of which sees itself and those before it. */
export function textTower(
  scope: Scope,
  ids: Value,
  config: ClipTextConfig,
  mask?: Value,
  overlay?: { readonly kept: Value; readonly added: Value },
): TextTower {
  const { width, vocabularySize, positions, epsilon, pooling } = config;
  const [batch, length] = [sizeOf(ids, 0), sizeOf(ids, 1)];
  const known = gather(scope.at("embeddings.token_embedding").weight("weight", [vocabularySize, width]), ids);
  const tokens = overlay === undefined ? known : add(multiply(known, overlay.kept), overlay.added);
  const table = scope.at("embeddings.position_embedding").weight("weight", [positions, width]);
  const embedded = add(tokens, length === positions ? table : slice(table, 0, 0, length));
  const causal = causalBias(ids, length);
  const bias = mask === undefined ? causal : add(causal, hidden(mask));
  const states = clipEncoder(scope.at("encoder"), embedded, config, bias);
  const norm = sharedLayerNorm(scope.at("final_layer_norm"), width, epsilon);
  const last = norm(entry(states, config.layers));
  const matches = pooling.kind === "highest" ? ids : equal(ids, integers(ids, [pooling.id]));
  const position = argMax(cast(matches, "F32", DTYPES.F32.onnxType));
  const firsts = integers(
    ids,
    Array.from({ length: batch }, (_, i) => i * length),
  );
  const pooled = gather(reshape(last, [batch * length, width]), add(position, firsts));
  return { states, norm, last, pooled };
}

/** [1, 1, L, L]: what is added to the score of a token that comes later. */
function causalBias({ builder }: Value, length: number): Value {
  const lowest = -3.4028234663852886e38;
  const bias = Float32Array.from({ length: length * length }, (_, i) =>
    i % length > Math.floor(i / length) ? lowest : 0,
  );
  return builder.constant(bias, [1, 1, length, length]);
}

/** [B, 1, 1, L]: what is added to the score of a token that is padding; beside `causalBias`, it does not overflow. */
const hidden = (mask: Value): Value =>
  reshape(scale(subtract(mask, scalar(mask, 1)), 1e30), [sizeOf(mask, 0), 1, 1, sizeOf(mask, 1)]);

/** Refuses prompts of more tokens than the model has positions for. */
export function checkLength({ positions }: ClipTextConfig, length: number): void {
  if (length > positions) {
    throw new RangeError(`Cannot build a text model for ${length} tokens: it has ${positions} positions`);
  }
}
