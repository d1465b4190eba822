import type { Conditioning } from "../../../denoisers/evaluation.ts";
import type { Runtime } from "../../../runtime/runtime.ts";
import type { SecondTextEncoder } from "../../../systems/text-encoder.ts";
import { concatenate } from "../../../tensor/concatenate.ts";
import { type Tensor, zeros } from "../../../tensor/tensor.ts";
import { encodeGuided } from "../prompt-encoder.ts";
import type { TextRequest } from "../text-conditioner.ts";
import { PENULTIMATE, timeIds } from "./pair.ts";

/** An SDXL refiner's: the second text encoder's states and summary alone, and how beautiful the picture is. */
export async function conditionRefiner(
  runtime: Runtime,
  encoder: SecondTextEncoder,
  {
    sizes,
    ...request
  }: Omit<TextRequest, "sizes"> & { readonly sizes: Pick<TextRequest["sizes"], "positive" | "negative"> },
): Promise<{ readonly conditioning: Conditioning; readonly warnings: readonly string[] }> {
  const { prompts, guided, negativePrompts, clipSkip, promptWeights: weighted } = request;
  const zeroed = guided && negativePrompts === undefined && encoder.zeroMissingPrompt;
  const negatives = guided && !zeroed ? (negativePrompts ?? prompts.map(() => "")) : [];
  const encoded = await encodeGuided(runtime, encoder, negatives, prompts, clipSkip, {
    ...PENULTIMATE,
    weighted,
  });
  if (encoded.pooled === undefined) throw new TypeError("The refiner's text encoder has no projection");
  const complete = (rows: Tensor): Tensor => (zeroed ? concatenate([zeros(rows.shape), rows], 0) : rows);
  return {
    conditioning: {
      encoder_hidden_states: complete(encoded.embeddings),
      text_embeds: complete(encoded.pooled),
      time_ids: timeIds({ prompts, guided, sizes }),
    },
    warnings: encoded.warnings,
  };
}
