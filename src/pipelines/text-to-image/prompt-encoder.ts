import { clipTextModel, tokenInput } from "../../models/clip/clip-text.ts";
import type { DeviceTensor, Runtime } from "../../runtime/runtime.ts";
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

/**
 * Prompts as the U-Net's context; `skip` takes the hidden state that many layers before the last, through the final norm
 * unless `finalNorm` is false. The text encoder is loaded for the call alone: it runs once and its memory is better used
 * by the U-Net.
 */
export async function encodePrompts(
  runtime: Runtime,
  { tokenizer, textEncoder: { config, weights } }: TextEncoder,
  prompts: readonly string[],
  skip: number,
  { finalNorm = true, masked = false }: { readonly finalNorm?: boolean; readonly masked?: boolean } = {},
): Promise<EncodedPrompts> {
  const unique = [...new Set(prompts)];
  const encodings = unique.map((prompt) => tokenizer.encode(prompt));
  const warnings = encodings
    .filter(({ truncated }) => truncated)
    .map(
      ({ dropped }) =>
        `The prompt is longer than ${tokenizer.maxLength} tokens; this part of it has no effect: ${shortened(dropped)}`,
    );
  const ids = tokenInput(
    encodings.map((encoding) => encoding.ids),
    config,
  );
  const length = tokenizer.maxLength;
  const options = { batch: unique.length, length, skip, finalNorm, masked };
  await using session = await runtime.load(clipTextModel(config, options, weights), { once: true });
  const outputs = await session.run(
    masked ? { input_ids: ids, attention_mask: maskOf(encodings, length) } : { input_ids: ids },
  );
  const rows = prompts.map((prompt) => unique.indexOf(prompt));
  const select = async (output: DeviceTensor): Promise<Tensor> => selectRows(await output.download(), rows);
  try {
    const { context, text_embeds: pooled } = outputs;
    if (context === undefined) throw new TypeError("The text encoder has no prompt embeddings");
    return {
      embeddings: await select(context),
      pooled: pooled === undefined ? undefined : await select(pooled),
      warnings,
    };
  } finally {
    for (const output of Object.values(outputs)) output[Symbol.dispose]();
  }
}

/** [prompts, length]: 1 for what comes before the padding. */
function maskOf(encodings: readonly { readonly length: number }[], length: number): Tensor {
  const data = new Float32Array(encodings.length * length);
  for (const [row, encoding] of encodings.entries()) data.fill(1, row * length, row * length + encoding.length);
  return { data, shape: [encodings.length, length] };
}

interface LayerChoice {
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
  const encode = (texts: readonly string[], skip: number): Promise<EncodedPrompts> =>
    encodePrompts(runtime, encoder, texts, lastLayers + skip, choice);
  if (clipSkip === 0 || negatives.length === 0) return await encode([...negatives, ...prompts], clipSkip);
  const [negative, skipped] = [await encode(negatives, 0), await encode(prompts, clipSkip)];
  return {
    embeddings: concatenate([negative.embeddings, skipped.embeddings], 0),
    pooled: negative.pooled && skipped.pooled && concatenate([negative.pooled, skipped.pooled], 0),
    warnings: [...negative.warnings, ...skipped.warnings],
  };
}

/** Characters of a dropped part that a warning repeats. */
const MOST_SHOWN = 200;

const shortened = (text: string): string =>
  text.length <= MOST_SHOWN
    ? `"${text}"`
    : `"${text.slice(0, MOST_SHOWN)}…" and ${text.length - MOST_SHOWN} characters more`;
