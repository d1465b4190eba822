import { clipTextModel, tokenInput } from "../../models/clip/clip-text.ts";
import type { DeviceTensor, Runtime } from "../../runtime/runtime.ts";
import { filledUp, type PromptChunk, readPrompt } from "../../systems/parts/read-prompt.ts";
import type { TextEncoder } from "../../systems/text-encoder.ts";
import { concatenate, selectRows } from "../../tensor/concatenate.ts";
import type { Tensor } from "../../tensor/tensor.ts";

export interface EncodedPrompts {
  /** [prompts, tokens, width] */
  readonly embeddings: Tensor;
  /** [prompts, width]: the projected state of the prompt as a whole, where the encoder has a projection. */
  readonly pooled: Tensor | undefined;
  readonly warnings: readonly string[];
}

/** How prompts are read, as far as all of a run share it. */
export interface ReadingOptions {
  /** Whether brackets are weights and prompts go on for as many chunks as they take. */
  readonly weighted?: boolean | undefined;
}

interface EncodeOptions extends ReadingOptions {
  /** Takes the hidden state that many layers before the last, through the final norm unless `finalNorm` is false. */
  readonly skip: number;
  readonly finalNorm?: boolean;
  readonly masked?: boolean;
  /** At least so many chunks of each prompt, empty ones if need be. */
  readonly chunks?: number;
}

/**
 * Prompts as the U-Net's context. The text encoder is loaded for the call alone: it runs once and its memory is better used
 * by the U-Net.
 */
export async function encodePrompts(
  runtime: Runtime,
  encoder: TextEncoder,
  prompts: readonly string[],
  { skip, finalNorm = true, masked = false, weighted = false, chunks: least = 1 }: EncodeOptions,
): Promise<EncodedPrompts> {
  const { tokenizer, textEncoder } = encoder;
  const { config, weights } = textEncoder;
  const read = prompts.map((prompt) => readPrompt(encoder, prompt, weighted));
  const count = Math.max(least, ...read.map(({ chunks }) => chunks.length));
  const rows = read.flatMap(({ chunks }) => filledUp(chunks, count, encoder));
  const unique = [...new Map(rows.map((chunk) => [chunk.ids.join(), chunk])).values()];
  const length = tokenizer.maxLength;
  const overlaid = unique.some(({ ids }) => ids.some((id) => id >= config.vocabularySize));
  const options = { batch: unique.length, length, skip, finalNorm, masked, overlaid };
  await using session = await runtime.load(clipTextModel(config, options, weights), { once: true });
  const outputs = await session.run({
    ...(overlaid ? overlayInputs(unique, encoder) : { input_ids: tokenInput(idsOf(unique), config) }),
    ...(masked ? { attention_mask: maskOf(unique, length) } : {}),
  });
  const places = new Map(unique.map(({ ids }, i) => [ids.join(), i]));
  const rowsOf = (chunks: readonly PromptChunk[]): number[] => chunks.map(({ ids }) => places.get(ids.join()) ?? 0);
  const select = async (output: DeviceTensor, chunks: readonly PromptChunk[]): Promise<Tensor> =>
    selectRows(await output.download(), rowsOf(chunks));
  try {
    const { context, text_embeds: pooled } = outputs;
    if (context === undefined) throw new TypeError("The text encoder has no prompt embeddings");
    const { data, shape } = await select(context, rows);
    return {
      embeddings: {
        data: weighted ? weightedRows(data, rows) : data,
        shape: [prompts.length, count * length, ...shape.slice(2)],
      },
      // A prompt is summed up by its first chunk, as AUTOMATIC1111 does.
      pooled:
        pooled &&
        (await select(
          pooled,
          rows.filter((_, i) => i % count === 0),
        )),
      warnings: [...new Set(read.map(({ dropped }) => dropped))].flatMap((dropped) =>
        dropped === undefined ? [] : [`The prompt is longer than ${length} tokens; ${lostText(dropped)}`],
      ),
    };
  } finally {
    for (const output of Object.values(outputs)) output[Symbol.dispose]();
  }
}

/** How many chunks the longest of `prompts` takes. */
const chunkCount = (encoder: TextEncoder, prompts: readonly string[], weighted: boolean): number =>
  Math.max(1, ...prompts.map((prompt) => readPrompt(encoder, prompt, weighted).chunks.length));

const idsOf = (chunks: readonly PromptChunk[]): readonly (readonly number[])[] => chunks.map(({ ids }) => ids);

/** Every token's state times its weight, and each chunk's mean restored, as AUTOMATIC1111 has it. */
function weightedRows(states: Float32Array, rows: readonly PromptChunk[]): Float32Array {
  const size = states.length / rows.length;
  const result = Float32Array.from(states);
  for (const [row, { weights }] of rows.entries()) {
    if (weights.every((weight) => weight === 1)) continue;
    const chunk = result.subarray(row * size, (row + 1) * size);
    const before = mean(chunk);
    const width = size / weights.length;
    for (let i = 0; i < size; i++) chunk[i] = (chunk[i] ?? 0) * (weights[Math.floor(i / width)] ?? 1);
    const factor = before / mean(chunk);
    for (let i = 0; i < size; i++) chunk[i] = (chunk[i] ?? 0) * factor;
  }
  return result;
}

const mean = (values: Float32Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Tokens beyond the vocabulary, as the vectors that stand for them. */
function overlayInputs(chunks: readonly PromptChunk[], { textEncoder: { config }, added }: TextEncoder) {
  const { vocabularySize, width } = config;
  const ids = idsOf(chunks);
  const tokens = ids.flat();
  const [kept, vectors] = [new Float32Array(tokens.length).fill(1), new Float32Array(tokens.length * width)];
  for (const [i, id] of tokens.entries()) {
    if (id < vocabularySize) continue;
    const start = (id - vocabularySize) * width;
    kept[i] = 0;
    vectors.set(added?.data.subarray(start, start + width) ?? [], i * width);
  }
  const shape = [ids.length, ids[0]?.length ?? 0];
  return {
    input_ids: tokenInput(
      ids.map((row) => row.map((id) => (id < vocabularySize ? id : 0))),
      config,
    ),
    kept: { data: kept, shape: [...shape, 1] },
    added: { data: vectors, shape: [...shape, width] },
  };
}

/** [chunks, length]: 1 for what comes before the padding. */
function maskOf(chunks: readonly { readonly length: number }[], length: number): Tensor {
  const data = new Float32Array(chunks.length * length);
  for (const [row, chunk] of chunks.entries()) data.fill(1, row * length, row * length + chunk.length);
  return { data, shape: [chunks.length, length] };
}

interface LayerChoice extends ReadingOptions {
  /** The last layers that are never used, before any are skipped. */
  readonly lastLayers?: number;
  readonly finalNorm?: boolean;
  /** Whether padding is hidden from the encoder. */
  readonly masked?: boolean;
}

/**
 * Negative prompts and then prompts, as classifier-free guidance takes them. Only prompts skip layers: the reference
 * reads negative prompts to the end.
 */
export async function encodeGuided(
  runtime: Runtime,
  encoder: TextEncoder,
  negatives: readonly string[],
  prompts: readonly string[],
  clipSkip: number,
  { lastLayers = 0, ...choice }: LayerChoice = {},
): Promise<EncodedPrompts> {
  const chunks = chunkCount(encoder, [...negatives, ...prompts], choice.weighted ?? false);
  const encode = (texts: readonly string[], skip: number): Promise<EncodedPrompts> =>
    encodePrompts(runtime, encoder, texts, { skip: lastLayers + skip, chunks, ...choice });
  if (clipSkip === 0 || negatives.length === 0) return await encode([...negatives, ...prompts], clipSkip);
  const [negative, skipped] = [await encode(negatives, 0), await encode(prompts, clipSkip)];
  return {
    embeddings: concatenate([negative.embeddings, skipped.embeddings], 0),
    pooled: negative.pooled && skipped.pooled && concatenate([negative.pooled, skipped.pooled], 0),
    warnings: [...negative.warnings, ...skipped.warnings],
  };
}

const lostText = (dropped: string): string =>
  dropped === "" ? "vectors of its embeddings have no effect" : `this part of it has no effect: ${shortened(dropped)}`;

/** Characters of a dropped part that a warning repeats. */
const MOST_SHOWN = 200;

const shortened = (text: string): string =>
  text.length <= MOST_SHOWN
    ? `"${text}"`
    : `"${text.slice(0, MOST_SHOWN)}…" and ${text.length - MOST_SHOWN} characters more`;
