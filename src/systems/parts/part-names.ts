import type { ModelLocation } from "../model-location.ts";

/** Where parts lie that do not come with a model. */
export type PartLocations = Pick<ModelLocation, "controls" | "vae" | "tinyVae" | "refiner">;

/** What of parts there is, for messages. */
export const partNames = ({ controls = [], vae, tinyVae, refiner }: PartLocations): readonly string[] => [
  ...(controls.length === 0 ? [] : ["a control network"]),
  ...(vae === undefined ? [] : ["an autoencoder"]),
  ...(tinyVae === undefined ? [] : ["a tiny autoencoder"]),
  ...(refiner === undefined ? [] : ["a refiner"]),
];
