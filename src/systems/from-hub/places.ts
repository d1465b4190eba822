import type { FileLike, FolderLike } from "../../checkpoint/files.ts";
import type { ModelLocation } from "../model-location.ts";
import type { EmbeddingChoices, LoraChoice } from "../parts/adapters.ts";
import type { ModelPlace } from "../places/model-place.ts";
import type { PlaceOptions } from "./place.ts";

/** Finds what a text names, downloading it where the cache does not have it. */
export type Places = (
  text: string,
  options: Omit<PlaceOptions, "hub">,
  signal?: AbortSignal,
) => Promise<FolderLike | FileLike>;

/** The same for adapters, which may come from wherever models do. */
export type AdapterPlaces = (...given: Parameters<Places>) => Promise<ModelPlace>;

/** Takes what is named as it is. */
export const asNamed: Places = async (text) => text;

/** Parts of a model as options name them. */
export interface NamedParts {
  readonly vae?: string | undefined;
  readonly tinyVae?: string | undefined;
  readonly refiner?: string | undefined;
  readonly controlnet?: string | readonly string[] | undefined;
}

/** Where parts lie. */
export async function partPlaces(
  { vae, tinyVae, refiner, controlnet }: NamedParts,
  places: Places,
): Promise<Pick<ModelLocation, "vae" | "tinyVae" | "refiner" | "controls">> {
  const network = async (text: string, what: string) => await places(text, { what, purpose: "network" });
  const controls: (FolderLike | FileLike)[] = [];
  for (const text of controlnet === undefined ? [] : [controlnet].flat()) {
    controls.push(await network(text, "the control network"));
  }
  return {
    vae: vae && (await network(vae, "the autoencoder")),
    tinyVae: tinyVae && (await network(tinyVae, "the tiny autoencoder")),
    refiner: refiner && (await places(refiner, { what: "the refiner", purpose: "refiner" })),
    controls: controlnet === undefined ? undefined : controls,
  };
}

/** `choices` with what their paths name. */
export async function loraPlaces(
  choices: readonly LoraChoice[],
  places: AdapterPlaces,
  signal?: AbortSignal,
): Promise<readonly LoraChoice[]> {
  const found: LoraChoice[] = [];
  for (const choice of choices) {
    const { path } = choice;
    const place = typeof path === "string" ? await places(path, { what: "the LoRA", purpose: "lora" }, signal) : path;
    found.push({ ...choice, path: place });
  }
  return found;
}

/** Files of embeddings by their words, with what their paths name. */
export async function embeddingPlaces(
  choices: EmbeddingChoices,
  places: AdapterPlaces,
  signal?: AbortSignal,
): Promise<EmbeddingChoices> {
  const found: [string, ModelPlace][] = [];
  for (const [name, path] of Object.entries(choices)) {
    const asked = { what: "the embedding", purpose: "embedding" } as const;
    found.push([name, typeof path === "string" ? await places(path, asked, signal) : path]);
  }
  return Object.fromEntries(found);
}
