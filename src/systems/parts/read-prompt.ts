import { emptyChunk, type PromptChunk, promptChunks } from "../../tokenizer/prompt-weights.ts";
import type { TextEncoder } from "../text-encoder.ts";

export type { PromptChunk } from "../../tokenizer/prompt-weights.ts";

/** A prompt as its encoder takes it: one chunk, or where it is weighted as many as it needs. */
export interface ReadPrompt {
  readonly chunks: readonly PromptChunk[];
  /** What of it had no place, in words, which vectors of embeddings have none of; undefined where all had. */
  readonly dropped: string | undefined;
}

/** Reads a prompt; `weighted` prompts are in AUTOMATIC1111's grammar and of any length. */
export function readPrompt({ tokenizer }: TextEncoder, prompt: string, weighted: boolean): ReadPrompt {
  if (weighted) return { chunks: promptChunks(tokenizer, prompt), dropped: undefined };
  const { ids, length, truncated, dropped } = tokenizer.encode(prompt);
  return { chunks: [{ ids, length, weights: ids.map(() => 1) }], dropped: truncated ? dropped : undefined };
}

/** `chunks` with empty ones behind them, `count` in all. */
export const filledUp = (
  chunks: readonly PromptChunk[],
  count: number,
  { tokenizer }: TextEncoder,
): readonly PromptChunk[] => [
  ...chunks,
  ...new Array<PromptChunk>(Math.max(0, count - chunks.length)).fill(emptyChunk(tokenizer)),
];
