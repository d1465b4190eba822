import type { TextEncoder } from "../../../systems/text-encoder.ts";
import { encodeGuided } from "../prompt-encoder.ts";
import type { TextConditioner } from "../text-conditioner.ts";

/** Stable Diffusion 1.x and 2.x: the last hidden states of one text encoder. */
export function singleConditioner(encoder: TextEncoder): TextConditioner {
  const { layers, hidesPadding: masked = false } = encoder.textEncoder.config;
  return {
    mostSkipped: layers - 1,
    async condition(runtime, request) {
      const { prompts, negativePrompts = prompts.map(() => ""), guided, clipSkip, sizes, promptWeights } = request;
      const negatives = guided ? negativePrompts : [];
      const { embeddings, warnings } = await encodeGuided(runtime, encoder, negatives, prompts, clipSkip, {
        masked,
        weighted: promptWeights,
      });
      return {
        conditioning: { encoder_hidden_states: embeddings },
        warnings: sizes.asked ? [NOT_TOLD, ...warnings] : warnings,
      };
    },
  };
}

const NOT_TOLD = "Sizes change nothing: only models of the kind of SDXL are told of them";
