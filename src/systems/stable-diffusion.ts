import { CheckpointError } from "../checkpoint/errors.ts";
import type { FolderLike } from "../checkpoint/files.ts";
import { type Component, type ComponentOptions, openComponent } from "../checkpoint/folder/component.ts";
import { type ModelIndex, readModelIndex } from "../checkpoint/folder/model-index.ts";
import { readTokenizerFiles } from "../checkpoint/folder/tokenizer-files.ts";
import type { SchedulerConfig } from "../diffusion/scheduler-config.ts";
import { type AutoencoderKlConfig, autoencoderKlConfig } from "../models/autoencoder/autoencoder-kl.ts";
import type { TinyAutoencoderConfig } from "../models/autoencoder/tiny-autoencoder.ts";
import { clipTextConfig } from "../models/clip/clip-text.ts";
import { unetConfig } from "../models/unet/unet-config.ts";
import type { UNetConfig } from "../models/unet/unet-types.ts";
import { openClipTokenizer } from "../tokenizer/clip-tokenizer.ts";
import { type ModelFolder, readModelFolder } from "./model-folder.ts";
import type { Network } from "./network.ts";
import { withTrainedSampleSize } from "./old-sample-size.ts";
import type { Control } from "./parts/control.ts";
import type { Refiner } from "./parts/refiner.ts";
import {
  FAMILIES,
  type FamilyName,
  isTextToImagePipeline,
  type ModelDefaults,
  modelDefaults,
  PIPELINE_CLASSES,
} from "./published-defaults.ts";
import { readOwnProfile } from "./recommended/own-profile.ts";
import { readRecommended } from "./recommended/recommended.ts";
import { readScheduler } from "./scheduler.ts";
import type { SecondTextEncoder, TextEncoder } from "./text-encoder.ts";

export type { Network } from "./network.ts";

/** A text-to-image model of the Stable Diffusion kind, described but not loaded. */
export interface StableDiffusionModel extends TextEncoder {
  readonly folder: string;
  readonly family: FamilyName;
  /** What a run takes where nobody says. */
  readonly defaults: ModelDefaults;
  /** What the U-Net is shown: the latent, or also a mask and what it leaves of a picture, so that it can only inpaint. */
  readonly sees: "latent" | "inpainting";
  readonly unet: Network<UNetConfig>;
  readonly vae: Network<AutoencoderKlConfig>;
  /** SDXL reads prompts twice. */
  readonly second?: SecondTextEncoder | undefined;
  readonly scheduler: SchedulerConfig;
  /** Of an autoencoder from elsewhere, and of the tiny one, for people. */
  readonly vaeNames?: { readonly vae?: string | undefined; readonly tinyVae?: string | undefined } | undefined;
  /** Decodes in place of `vae`, faster and not as well. */
  readonly tinyVae?: Network<TinyAutoencoderConfig> | undefined;
  /** Ends runs, in place of `unet`. */
  readonly refiner?: Refiner | undefined;
  /** What steers every run, by a picture each. */
  readonly controls?: readonly Control[] | undefined;
}

/** How a model folder is opened: of which variant, and where what cannot be used in place may be copied. */
export type OpenOptions = ComponentOptions;

/** Opens a model folder in diffusers' layout: reads configs, vocabulary and the headers of the weight files. */
export async function openStableDiffusion(
  folder: FolderLike,
  options: OpenOptions = {},
): Promise<StableDiffusionModel> {
  return openStableDiffusionFolder(await readModelFolder(folder), options);
}

/** Opens a model folder that has been listed already. */
export async function openStableDiffusionFolder(
  { files, names, ...listed }: ModelFolder,
  options: OpenOptions,
): Promise<StableDiffusionModel> {
  const folder = files.name;
  const index = listed.index ?? (await readModelIndex(files, names));
  if (!isTextToImagePipeline(index.className)) {
    throw new CheckpointError(
      `Cannot open "${folder}" for text to image: it is a ${index.className}, one of ${Object.keys(PIPELINE_CLASSES).join(", ")} is required`,
      { code: "MODEL_UNSUPPORTED" },
    );
  }
  const open = async <Config>(
    name: string,
    parse: (config: unknown, source: string) => Config,
  ): Promise<Network<Config>> => {
    const component: Component = await openComponent(files.at(name), options);
    return { config: parse(component.config, component.configPath), weights: component.weights };
  };
  const openText = async (suffix: "" | "_2"): Promise<TextEncoder> => ({
    textEncoder: await open(`text_encoder${suffix}`, (config, source) =>
      clipTextConfig(config, source, index.components.get(`text_encoder${suffix}`)?.className),
    ),
    tokenizer: await openClipTokenizer(await readTokenizerFiles(files.at(`tokenizer${suffix}`))),
  });
  const { family } = PIPELINE_CLASSES[index.className];
  const two = FAMILIES[family].textEncoders === 2;
  if (two) refuseRefiner(index, folder);
  const ownUNetConfig = (config: unknown, source: string): UNetConfig =>
    unetConfig(family === "stable-diffusion" ? withTrainedSampleSize(config) : config, source);
  const [unet, vae] = [await open("unet", ownUNetConfig), await open("vae", autoencoderKlConfig)];
  const model: StableDiffusionModel = {
    folder,
    family,
    defaults: modelDefaults(family, await readRecommended(files, names), await readOwnProfile(files, names, unet)),
    sees: seenBy(unet.config, vae.config),
    unet,
    vae,
    ...(await openText("")),
    ...(two ? { second: { ...(await openText("_2")), zeroMissingPrompt: zeroMissingPrompt(index, folder) } } : {}),
    scheduler: await readScheduler(files.at("scheduler"), index),
  };
  checkFit(model);
  return model;
}

/** SDXL's refiner has no first text encoder and is told how beautiful the picture is instead of its size. */
function refuseRefiner({ components, options }: ModelIndex, folder: string): void {
  if (!components.get("text_encoder") || options.get("requires_aesthetics_score") === true) throw refinerAlone(folder);
}

/** What there is to say of a refiner that is opened as a model. */
export const refinerAlone = (name: string): CheckpointError =>
  new CheckpointError(
    `Cannot open "${name}": it is an SDXL refiner, which ends the runs of a base model; open the base, and give this as its refiner`,
    { code: "MODEL_UNSUPPORTED" },
  );

function zeroMissingPrompt({ options }: ModelIndex, folder: string): boolean {
  const given = options.get("force_zeros_for_empty_prompt") ?? true;
  if (typeof given === "boolean") return given;
  throw new CheckpointError(`Cannot open "${folder}": force_zeros_for_empty_prompt must be true or false`);
}

/** Refuses networks that cannot work together, before anything runs. */
export function checkFit(model: StableDiffusionModel): void {
  const { folder, unet, vae, second } = model;
  const { contextWidth, inChannels, outChannels, addition, classes } = unet.config;
  const { latentChannels } = vae.config;
  const given = model.textEncoder.config.width + (second?.textEncoder.config.width ?? 0);
  const refuse = (reason: string): CheckpointError => new CheckpointError(`Cannot use "${folder}": ${reason}`);
  if (contextWidth !== given) {
    throw refuse(`its U-Net takes prompts of width ${contextWidth}, its text encoder gives ${given}`);
  }
  if ((addition === undefined) !== (second === undefined)) {
    throw refuse("only a U-Net that is told of picture sizes goes with two text encoders, as in SDXL");
  }
  if (addition !== undefined) {
    const width = addition.inputWidth - 6 * addition.timeWidth;
    const summary = second?.textEncoder.config.projection;
    if (width !== summary)
      throw refuse(`its U-Net takes summaries of width ${width}, its text encoder gives ${summary}`);
  }
  if (classes !== undefined) throw refuse(`its U-Net takes one of ${classes} classes, which no prompt names`);
  for (const { tokenizer, textEncoder } of second === undefined ? [model] : [model, second]) {
    const { vocabularySize } = textEncoder.config;
    const largest = Math.max(tokenizer.bos, tokenizer.eos, tokenizer.pad);
    if (largest >= vocabularySize) {
      throw refuse(`its text encoder knows tokens 0 to ${vocabularySize - 1}, its vocabulary has token ${largest}`);
    }
  }
  if (outChannels !== latentChannels) {
    throw refuse(`its U-Net makes ${outChannels} channels, its autoencoder takes ${latentChannels}`);
  }
  if (inChannels !== latentChannels && inChannels !== inpaintingChannels(latentChannels)) {
    throw refuse(
      `its U-Net takes ${inChannels} channels, ${latentChannels} or ${inpaintingChannels(latentChannels)} are required`,
    );
  }
}

/** What an inpainting U-Net takes: the latent, the mask and the latent of the masked image. */
const inpaintingChannels = (latentChannels: number): number => 2 * latentChannels + 1;

/** What a U-Net is shown, by the channels that it takes. */
export const seenBy = (
  { inChannels }: Pick<UNetConfig, "inChannels">,
  { latentChannels }: Pick<AutoencoderKlConfig, "latentChannels">,
): StableDiffusionModel["sees"] => (inChannels === inpaintingChannels(latentChannels) ? "inpainting" : "latent");
