import type { JsonObject } from "../../checkpoint/text/json.ts";
import { byName, type KeyMap } from "../keys/key-map.ts";
import { openClipWeights } from "../open-clip/keys.ts";
import { textJson } from "./config.ts";
import { inferClip, inferOpenClip, type OriginalTensors } from "./shapes.ts";

/** Which text towers a single file has, and so which pipeline it is for: OpenAI's, OpenCLIP's, both, or SDXL's second alone. */
export type SingleFileKind = "sd-1" | "sd-2" | "sdxl" | "sdxl-refiner";

/** How one text tower of a single file is read. */
export interface TextTowerReader {
  /** What the names of its tensors begin with. */
  readonly prefix: string;
  /** config.json and the names of the weights; `penultimate` leaves the last layer out of a tower without projection. */
  read(tensors: OriginalTensors, penultimate: boolean): { readonly config: JsonObject; readonly map: KeyMap };
}

const clip = (prefix: string): TextTowerReader => ({
  prefix,
  read: (tensors) => ({ config: textJson(inferClip(tensors)), map: byName((key) => key) }),
});

/** SDXL's tower: whole, since its pooled state goes through all layers. */
const projectedOpenClip = (prefix: string): TextTowerReader => ({
  prefix,
  read: (tensors) => ({ config: textJson(inferOpenClip(tensors, true)), map: openClipWeights }),
});

/** Stable Diffusion 2's tower, of which nothing but the states is looked at. */
const openClip = (prefix: string): TextTowerReader => ({
  prefix,
  read(tensors, penultimate) {
    const tower = inferOpenClip(tensors, false);
    const layers = tower.layers - (penultimate ? 1 : 0);
    const unused = (key: string): boolean =>
      key === "text_projection" || (penultimate && key.startsWith(`transformer.resblocks.${layers}.`));
    return {
      config: textJson({ ...tower, layers }),
      map: (key, weight) => (unused(key) ? [] : openClipWeights(key, weight)),
    };
  },
});

/** The text towers of every kind; those of the first kind whose towers are all there are read. */
export const TEXT_TOWERS: Readonly<Record<SingleFileKind, readonly TextTowerReader[]>> = {
  sdxl: [clip("conditioner.embedders.0.transformer."), projectedOpenClip("conditioner.embedders.1.model.")],
  "sdxl-refiner": [projectedOpenClip("conditioner.embedders.0.model.")],
  "sd-2": [openClip("cond_stage_model.model.")],
  "sd-1": [clip("cond_stage_model.transformer.")],
};
