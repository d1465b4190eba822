import type { ClipTextConfig } from "../models/clip/clip-text.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { ClipTokenizer } from "../tokenizer/clip-tokenizer.ts";
import type { Network } from "./network.ts";

/** A text encoder with the vocabulary that it was trained on. */
export interface TextEncoder {
  readonly textEncoder: Network<ClipTextConfig>;
  readonly tokenizer: ClipTokenizer;
  /** Vectors of tokens beyond the vocabulary, [tokens, width], in the order of their ids (textual inversion). */
  readonly added?: Tensor | undefined;
}

/** The second text encoder of SDXL, which also sums a prompt up. */
export interface SecondTextEncoder extends TextEncoder {
  /** Whether a negative prompt that is not given is all zeros instead of the empty text. */
  readonly zeroMissingPrompt: boolean;
}

/** OpenCLIP's prompts are filled up with token 0, OpenAI's with the end. */
export const OPEN_CLIP_PADDING = { pad_token: "!" };
