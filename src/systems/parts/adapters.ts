import type { ModelPlace } from "../places/model-place.ts";
import type { StableDiffusionModel } from "../stable-diffusion.ts";

/** A LoRA and how strongly it is applied: 1 as it was trained, also below 0. */
export interface LoraChoice {
  readonly path: ModelPlace;
  readonly strength?: number | undefined;
  /** To the U-Net; `strength` where left out. */
  readonly unet?: number | undefined;
  /** To text encoders; `strength` where left out, and 0 leaves them alone. */
  readonly text?: number | undefined;
}

/** Files of embeddings by the word that stands for them in prompts. */
export type EmbeddingChoices = Readonly<Record<string, ModelPlace>>;

/** What small files change of a model for a run. */
export interface AdapterChoices {
  readonly loras?: readonly LoraChoice[] | undefined;
  readonly embeddings?: EmbeddingChoices | undefined;
}

/** A model with adapters. */
export interface AdaptedModel {
  readonly model: StableDiffusionModel;
  /** Tells its U-Net from the same one with other adapters; undefined where it is the model's own. */
  readonly unetIdentity: string | undefined;
  readonly warnings: readonly string[];
}
