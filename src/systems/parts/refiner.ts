import { CheckpointError } from "../../checkpoint/errors.ts";
import { nameOf, openPlace } from "../../checkpoint/files/place.ts";
import { type FileLike, type Files, type FolderLike, isFiles } from "../../checkpoint/files.ts";
import { openComponent } from "../../checkpoint/folder/component.ts";
import { readTokenizerFiles } from "../../checkpoint/folder/tokenizer-files.ts";
import { readSchedulerConfig, type SchedulerConfig } from "../../diffusion/scheduler-config.ts";
import { clipTextConfig } from "../../models/clip/clip-text.ts";
import { unetConfig } from "../../models/unet/unet-config.ts";
import type { UNetConfig } from "../../models/unet/unet-types.ts";
import type { SingleFile } from "../../originals/stable-diffusion/single-file.ts";
import { openClipTokenizer } from "../../tokenizer/clip-tokenizer.ts";
import { readModelFolder } from "../model-folder.ts";
import { modelName } from "../model-location.ts";
import type { Network } from "../network.ts";
import { readScheduler } from "../scheduler.ts";
import { OPEN_CLIP_PADDING, type SecondTextEncoder } from "../text-encoder.ts";
import type { OwnAutoencoder, PartOptions } from "./autoencoder.ts";

/** An SDXL refiner: a U-Net for the end of a schedule, with the one text encoder that it reads prompts by. */
export interface Refiner {
  /** For people. */
  readonly name: string;
  readonly unet: Network<UNetConfig>;
  readonly text: SecondTextEncoder;
  readonly scheduler: SchedulerConfig;
}

/** The model whose runs a refiner ends. */
export interface RefinableModel extends OwnAutoencoder {
  /** Whether it is a base model of SDXL. */
  readonly isBase: boolean;
}

/** Numbers that a refiner is told beside the prompt: the original size, the crop's corner, and how beautiful the picture is. */
const TOLD = 5;

/** How a refiner is opened; files carry no vocabulary. */
export interface RefinerOptions extends PartOptions {
  readonly tokenizer: FolderLike;
}

/**
 * Opens a refiner for a base model: a folder in diffusers' layout, or a file in the original names. Its autoencoder is the
 * base's, and not read.
 */
export async function openRefiner(
  path: FolderLike | FileLike,
  model: RefinableModel,
  options: RefinerOptions,
): Promise<Refiner> {
  const { tokenizer, ...opening } = options;
  const place = await openPlace(path, "the refiner");
  const name = nameOf(place);
  if (!model.isBase) throw refusal(model, name)("the model is no SDXL base");
  if (isFiles(place)) return await openFolder(place, model, opening);
  const { openSingleFile } = await import("../../originals/stable-diffusion/single-file.ts"); // which folders do without
  return await refinerOfFile(await openSingleFile(place, opening), name, model, tokenizer);
}

type Refuse = (reason: string) => CheckpointError;

const refusal =
  ({ name: model }: RefinableModel, name: string): Refuse =>
  (reason) =>
    new CheckpointError(`Cannot refine what "${model}" makes by "${name}": ${reason}`, { code: "MODEL_UNSUPPORTED" });

const NO_REFINER = "it is no SDXL refiner, whose first text encoder is missing and which is told of beauty";

async function openFolder(files: Files, model: RefinableModel, options: PartOptions): Promise<Refiner> {
  const refuse = refusal(model, files.name);
  const { index } = await readModelFolder(files);
  if (index === undefined) throw refuse("it is no model in diffusers' layout");
  const isRefiner = !index.components.get("text_encoder") && index.options.get("requires_aesthetics_score") === true;
  if (!/^StableDiffusionXL\w*Pipeline$/.test(index.className) || !isRefiner) throw refuse(NO_REFINER);
  const unet = await openComponent(files.at("unet"), options);
  const encoder = await openComponent(files.at("text_encoder_2"), options);
  const { className } = index.components.get("text_encoder_2") ?? {};
  return fitted(
    {
      name: modelName(files.name),
      unet: { config: toldOfBeauty(unetConfig(unet.config, unet.configPath)), weights: unet.weights },
      text: {
        textEncoder: {
          config: clipTextConfig(encoder.config, encoder.configPath, className),
          weights: encoder.weights,
        },
        tokenizer: await openClipTokenizer(await readTokenizerFiles(files.at("tokenizer_2"))),
        zeroMissingPrompt: index.options.get("force_zeros_for_empty_prompt") === true,
      },
      scheduler: await readScheduler(files.at("scheduler"), index),
    },
    model,
    refuse,
  );
}

/** The refiner that a file of `name` holds, with the vocabulary in the folder `tokenizer`. */
export async function refinerOfFile(
  file: SingleFile,
  name: string,
  model: RefinableModel,
  tokenizer: FolderLike,
): Promise<Refiner> {
  const refuse = refusal(model, name);
  const [text] = file.textEncoders;
  if (file.kind !== "sdxl-refiner" || text === undefined) throw refuse(NO_REFINER);
  const vocabulary = { ...(await readTokenizerFiles(tokenizer)), specialTokens: OPEN_CLIP_PADDING };
  return fitted(
    {
      name: modelName(name),
      unet: { config: toldOfBeauty(unetConfig(file.unet.config, name)), weights: file.unet.weights },
      text: {
        textEncoder: { config: clipTextConfig(text.config, name), weights: text.weights },
        tokenizer: await openClipTokenizer(vocabulary),
        zeroMissingPrompt: false,
      },
      scheduler: readSchedulerConfig(file.scheduler, name),
    },
    model,
    refuse,
  );
}

/** `refiner` as it is, if its networks go together and with the model's autoencoder. */
function fitted(refiner: Refiner, { vae }: RefinableModel, refuse: Refuse): Refiner {
  const { contextWidth, addition, inChannels, outChannels } = refiner.unet.config;
  const { width, projection } = refiner.text.textEncoder.config;
  if (contextWidth !== width) {
    throw refuse(`its U-Net takes prompts of width ${contextWidth}, its text encoder gives ${width}`);
  }
  if (addition === undefined || addition.inputWidth - TOLD * addition.timeWidth !== projection) {
    throw refuse(`its U-Net does not take summaries of width ${projection} with ${TOLD} numbers`);
  }
  if (outChannels !== vae.latentChannels || inChannels !== vae.latentChannels) {
    throw refuse(`its U-Net makes ${outChannels} channels, the model's autoencoder takes ${vae.latentChannels}`);
  }
  return refiner;
}

const toldOfBeauty = (config: UNetConfig): UNetConfig =>
  config.addition === undefined ? config : { ...config, addition: { ...config.addition, numbers: TOLD } };
