import type { Conditioning } from "../../denoisers/evaluation.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { SettledSizes } from "./picture-sizes.ts";

/** What a run says of itself in words and sizes. */
export interface TextRequest {
  /** One for each image of the batch, as are the negative prompts. */
  readonly prompts: readonly string[];
  /** Undefined where none was given, which is not the same as an empty one to every model. */
  readonly negativePrompts: readonly string[] | undefined;
  /** Whether the U-Net sees the batch twice, first with the negative prompts. */
  readonly guided: boolean;
  /** How many of the text encoder's last layers the prompts do without. The reference never skips for negative ones. */
  readonly clipSkip: number;
  /** Whether brackets are weights and prompts as long as they like. */
  readonly promptWeights: boolean;
  readonly sizes: SettledSizes;
}

export interface TextConditions {
  /** The U-Net's inputs, by their names. */
  readonly conditioning: Conditioning & { readonly encoder_hidden_states: Tensor };
  readonly warnings: readonly string[];
}

/** Makes of words what a U-Net takes. Text encoders are loaded for the call and released. */
export interface TextConditioner {
  /** The most layers that `clipSkip` may name. */
  readonly mostSkipped: number;
  condition(runtime: Runtime, request: TextRequest): Promise<TextConditions>;
}
