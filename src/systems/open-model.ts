import { CheckpointError } from "../checkpoint/errors.ts";
import { listFolder } from "../checkpoint/folder/folder.ts";
import { readModelIndex } from "../checkpoint/folder/model-index.ts";
import { pathKind } from "../checkpoint/folder/path-kind.ts";
import { isJsonObject } from "../checkpoint/text/json.ts";
import { readYamlFile } from "../checkpoint/text/yaml-file.ts";
import { type LatentDiffusionModel, openLatentDiffusion } from "./latent-diffusion.ts";
import type { ModelLocation } from "./model-location.ts";
import { isTextToImagePipeline } from "./published-defaults.ts";
import { openSingleStableDiffusion } from "./single-file.ts";
import { openStableDiffusion, type StableDiffusionModel } from "./stable-diffusion.ts";
import { openOriginalDdpm, openUnconditional, type UnconditionalModel } from "./unconditional.ts";

/** A model of any kind, described but not loaded. */
export type OpenedModel =
  | { readonly kind: "text-to-image"; readonly model: StableDiffusionModel }
  | { readonly kind: "class-to-image"; readonly model: LatentDiffusionModel }
  | { readonly kind: "unconditional-image"; readonly model: UnconditionalModel };

/** Opens whatever lies at a place, finding out what it is from model_index.json or the YAML. */
export async function openModel(location: ModelLocation): Promise<OpenedModel> {
  if ((await pathKind(location.path)) === "folder") {
    if (location.config !== undefined) {
      throw new CheckpointError(
        `Cannot open "${location.path}" with "${location.config}": a folder has configs of its own`,
      );
    }
    return openFolder(location);
  }
  const { path, config, variant, tokenizer, ...opening } = location;
  switch (config === undefined ? "stable-diffusion" : kindOf(await readYamlFile(config))) {
    case "latent-diffusion":
      return { kind: "class-to-image", model: await openLatentDiffusion(path, config ?? "", opening) };
    case "ddpm":
      return {
        kind: "unconditional-image",
        model: await openOriginalDdpm({ checkpoint: path, config: config ?? "", ...opening }),
      };
    case "stable-diffusion":
      return { kind: "text-to-image", model: await openSingleStableDiffusion(location) };
  }
}

async function openFolder({ path, ...location }: ModelLocation): Promise<OpenedModel> {
  const { config, ema, tokenizer, ...options } = location;
  const names = await listFolder(path, "the model");
  const className = names.has("model_index.json") ? (await readModelIndex(path)).className : undefined;
  const fromText =
    className === undefined
      ? !(names.has("config.json") || names.has("unet"))
      : isTextToImagePipeline(className) || className.startsWith("StableDiffusion"); // whose reader says what it is
  return fromText
    ? { kind: "text-to-image", model: await openStableDiffusion(path, options) }
    : { kind: "unconditional-image", model: await openUnconditional(path, options) };
}

/** The original repositories' configs tell themselves apart by what they describe. */
function kindOf(config: Readonly<Record<string, unknown>>): "latent-diffusion" | "ddpm" | "stable-diffusion" {
  const model = config["model"];
  if (!isJsonObject(model)) return "stable-diffusion"; // whose reader says what is missing
  const params = model["params"];
  if (isJsonObject(params) && params["cond_stage_key"] === "class_label") return "latent-diffusion";
  return "ch_mult" in model ? "ddpm" : "stable-diffusion";
}
