import type { SecondTextEncoder, TextEncoder } from "../../../systems/text-encoder.ts";
import { concatenate } from "../../../tensor/concatenate.ts";
import { type Tensor, zeros } from "../../../tensor/tensor.ts";
import { type EncodedPrompts, encodeGuided } from "../prompt-encoder.ts";
import type { TextConditioner, TextRequest } from "../text-conditioner.ts";

/**
 * SDXL: the penultimate hidden states of two text encoders side by side, with the second one's summary and the sizes that
 * the picture should seem to have (Podell et al. 2023, §2.1 and §2.2).
 */
export function pairConditioner(first: TextEncoder, second: SecondTextEncoder): TextConditioner {
  const configs = [first.textEncoder.config, second.textEncoder.config] as const;
  return {
    mostSkipped: Math.min(...configs.map(({ layers }) => layers)) - 1,
    async condition(runtime, request) {
      const { prompts, guided, clipSkip, promptWeights: weighted } = request;
      const zeroed = guided && request.negativePrompts === undefined && second.zeroMissingPrompt;
      const negatives = guided && !zeroed ? (request.negativePrompts ?? prompts.map(() => "")) : [];
      const encode = (encoder: TextEncoder): Promise<EncodedPrompts> =>
        encodeGuided(runtime, encoder, negatives, prompts, clipSkip, { ...PENULTIMATE, weighted });
      const [left, right] = [await encode(first), await encode(second)];
      if (right.pooled === undefined) throw new TypeError("The second text encoder has no projection");
      const complete = (rows: Tensor): Tensor => (zeroed ? concatenate([zeros(rows.shape), rows], 0) : rows);
      return {
        conditioning: {
          encoder_hidden_states: complete(concatenate([left.embeddings, right.embeddings], 2)),
          text_embeds: complete(right.pooled),
          time_ids: timeIds(request),
        },
        warnings: [...new Set([...request.sizes.warnings, ...left.warnings, ...right.warnings])],
      };
    },
  };
}

/** The layers that SDXL reads. */
export const PENULTIMATE = { lastLayers: 1, finalNorm: false } as const;

interface TimeRequest extends Pick<TextRequest, "prompts" | "guided"> {
  readonly sizes: Pick<TextRequest["sizes"], "positive" | "negative">;
}

/** One row of sizes for every row that the U-Net sees, those of the negative side first. */
export function timeIds({ prompts, guided, sizes: { positive, negative } }: TimeRequest): Tensor {
  const rows = [...(guided ? prompts.map(() => negative) : []), ...prompts.map(() => positive)];
  return { data: Float32Array.from(rows.flat()), shape: [rows.length, positive.length] };
}
