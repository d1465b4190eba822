import type { ByteSource } from "../checkpoint/bytes/byte-source.ts";
import { CheckpointError } from "../checkpoint/errors.ts";
import { nameOf, openPlace, sourceOf } from "../checkpoint/files/place.ts";
import { type Files, isFiles } from "../checkpoint/files.ts";
import { isJsonObject } from "../checkpoint/text/json.ts";
import { readYamlFile } from "../checkpoint/text/yaml-file.ts";
import type { LatentDiffusionModel } from "./latent-diffusion.ts";
import { type ModelFolder, readModelFolder } from "./model-folder.ts";
import type { ModelLocation } from "./model-location.ts";
import { partNames } from "./parts/part-names.ts";
import { isPipelineClass, type PipelineClass, unknownPipeline } from "./published-defaults.ts";
import { type OpenOptions, openStableDiffusionFolder, type StableDiffusionModel } from "./stable-diffusion.ts";
import type { UnconditionalModel } from "./unconditional.ts";

/** A model of any kind, described but not loaded. */
export type OpenedModel =
  | { readonly kind: "text-to-image"; readonly model: StableDiffusionModel }
  | { readonly kind: "class-to-image"; readonly model: LatentDiffusionModel }
  | { readonly kind: "unconditional-image"; readonly model: UnconditionalModel };

/** Opens whatever lies at a place, finding out what it is from model_index.json or the YAML, and what goes with it. */
export async function openModel(location: ModelLocation): Promise<OpenedModel> {
  const place = await openPlace(location.path);
  const opened = isFiles(place) ? await openFolder(place, location) : await openFile(place, location);
  if (partNames(location).length === 0) return opened;
  if (opened.kind === "text-to-image") {
    const { withParts } = await import("./parts/with-parts.ts");
    return { ...opened, model: await withParts(opened.model, location) };
  }
  throw new CheckpointError(
    `Cannot open "${nameOf(place)}" with ${partNames(location).join(" and ")}: it is a model for ${opened.kind}, ` +
      "one for text-to-image is required",
    { code: "MODEL_UNSUPPORTED" },
  );
}

type Location = Omit<ModelLocation, "path">;

async function openFile(checkpoint: ByteSource, location: Location): Promise<OpenedModel> {
  const { variant, tokenizer, ...opening } = location;
  const config = location.config === undefined ? undefined : await sourceOf(location.config);
  const kind = config === undefined ? "stable-diffusion" : kindOf(await readYamlFile(config));
  // What opens other kinds of models than folders of Stable Diffusion is loaded by those who have them: browsers fetch it.
  if (config === undefined || kind === "stable-diffusion") {
    const { openSingleStableDiffusion } = await import("./single-file.ts");
    return { kind: "text-to-image", model: await openSingleStableDiffusion(checkpoint, { ...location, config }) };
  }
  switch (kind) {
    case "latent-diffusion": {
      const { openLatentDiffusion } = await import("./latent-diffusion.ts");
      return { kind: "class-to-image", model: await openLatentDiffusion(checkpoint, config, opening) };
    }
    case "ddpm": {
      const { openOriginalDdpm } = await import("./unconditional.ts");
      return { kind: "unconditional-image", model: await openOriginalDdpm({ checkpoint, ...opening, config }) };
    }
  }
}

type Opener = (folder: ModelFolder, options: OpenOptions) => Promise<OpenedModel>;

const textToImage: Opener = async (folder, options) => ({
  kind: "text-to-image",
  model: await openStableDiffusionFolder(folder, options),
});

const unconditional: Opener = async (folder, options) => {
  const { openUnconditionalFolder } = await import("./unconditional.ts");
  return { kind: "unconditional-image", model: await openUnconditionalFolder(folder, options) };
};

/** Who opens a folder, by the pipeline class of diffusers that its model_index.json names. */
const OPENERS: Readonly<Record<PipelineClass, Opener>> = {
  StableDiffusionPipeline: textToImage,
  StableDiffusionImg2ImgPipeline: textToImage,
  StableDiffusionInpaintPipeline: textToImage,
  LatentConsistencyModelPipeline: textToImage,
  LatentConsistencyModelImg2ImgPipeline: textToImage,
  StableDiffusionXLPipeline: textToImage,
  StableDiffusionXLImg2ImgPipeline: textToImage,
  StableDiffusionXLInpaintPipeline: textToImage,
  DDPMPipeline: unconditional,
  DDIMPipeline: unconditional,
};

async function openFolder(files: Files, { config, ema, tokenizer, ...options }: Location): Promise<OpenedModel> {
  if (config !== undefined) {
    throw new CheckpointError(`Cannot open "${files.name}" with "${nameOf(config)}": a folder has configs of its own`);
  }
  const folder = await readModelFolder(files);
  return openerOf(folder)(folder, options);
}

function openerOf({ files, names, index }: ModelFolder): Opener {
  // The older layout of google/ddpm-* has no index; what has nothing of a model is refused as one without.
  if (index === undefined) return names.has("config.json") || names.has("unet") ? unconditional : textToImage;
  const { className } = index;
  if (isPipelineClass(className)) return OPENERS[className];
  throw unknownPipeline(files.name, className);
}

/** The original repositories' configs tell themselves apart by what they describe. */
function kindOf(config: Readonly<Record<string, unknown>>): "latent-diffusion" | "ddpm" | "stable-diffusion" {
  const model = config["model"];
  if (!isJsonObject(model)) return "stable-diffusion"; // whose reader says what is missing
  const params = model["params"];
  if (isJsonObject(params) && params["cond_stage_key"] === "class_label") return "latent-diffusion";
  return "ch_mult" in model ? "ddpm" : "stable-diffusion";
}
