import { clipTextModel, tokenInput } from "../models/clip-text.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { elementCount, type Tensor } from "../tensor/tensor.ts";
import type { StableDiffusionModel } from "./stable-diffusion-model.ts";

export interface EncodedPrompts {
  /** [prompts, tokens, width] */
  readonly embeddings: Tensor;
  readonly warnings: readonly string[];
}

/**
 * Prompts as the U-Net's context; `clipSkip` takes the hidden state that many layers before the last, normalised. The
 * text encoder is loaded for the call alone: it runs once and its memory is better used by the U-Net.
 */
export async function encodePrompts(
  runtime: Runtime,
  { tokenizer, textEncoder }: StableDiffusionModel,
  prompts: readonly string[],
  clipSkip: number,
): Promise<EncodedPrompts> {
  const unique = [...new Set(prompts)];
  const encodings = unique.map((prompt) => tokenizer.encode(prompt));
  const warnings = encodings
    .filter(({ truncated }) => truncated)
    .map(
      ({ dropped }) =>
        `The prompt is longer than ${tokenizer.maxLength} tokens; this part of it has no effect: "${dropped}"`,
    );
  const ids = tokenInput(
    encodings.map((encoding) => encoding.ids),
    textEncoder.config,
  );
  await using session = await runtime.load(
    clipTextModel(
      textEncoder.config,
      { batch: unique.length, length: tokenizer.maxLength, skip: clipSkip },
      textEncoder.weights,
    ),
  );
  const { context } = await session.run({ input_ids: ids });
  if (context === undefined) throw new TypeError("The text encoder has no prompt embeddings");
  const encoded = await context.download();
  const rows = prompts.map((prompt) => unique.indexOf(prompt));
  return { embeddings: selectRows(encoded, rows), warnings };
}

function selectRows({ data, shape }: Tensor, rows: readonly number[]): Tensor {
  const size = elementCount(shape.slice(1));
  const selected = new Float32Array(rows.length * size);
  rows.forEach((row, i) => {
    selected.set(data.subarray(row * size, (row + 1) * size), i * size);
  });
  return { data: selected, shape: [rows.length, ...shape.slice(1)] };
}
