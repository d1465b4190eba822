import type { StableDiffusionModel } from "../stable-diffusion.ts";
import type { AdaptedModel, AdapterChoices } from "./adapters.ts";

/** A model with LoRAs and embeddings; what applies them is loaded where there are any. */
export async function withAdapters(model: StableDiffusionModel, choices: AdapterChoices): Promise<AdaptedModel> {
  const { loras = [], embeddings = {} } = choices;
  if (loras.length === 0 && Object.keys(embeddings).length === 0) {
    return { model, unetIdentity: undefined, warnings: [] };
  }
  const { applyAdapters } = await import("./applied-adapters.ts");
  return await applyAdapters(model, choices);
}
