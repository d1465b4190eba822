import { CheckpointError } from "../../checkpoint/errors.ts";
import type { FolderLike } from "../../checkpoint/files.ts";
import { openComponent } from "../../checkpoint/folder/component.ts";
import { readTokenizerFiles } from "../../checkpoint/folder/tokenizer-files.ts";
import type { SchedulerConfig } from "../../diffusion/scheduler-config.ts";
import { clipTextConfig } from "../../models/clip/clip-text.ts";
import { unetConfig } from "../../models/unet/unet-config.ts";
import type { UNetConfig } from "../../models/unet/unet-types.ts";
import { openClipTokenizer } from "../../tokenizer/clip-tokenizer.ts";
import { readModelFolder } from "../model-folder.ts";
import { modelName } from "../model-location.ts";
import type { Network } from "../network.ts";
import { readScheduler } from "../scheduler.ts";
import type { SecondTextEncoder } from "../text-encoder.ts";
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

/** Opens the folder of a refiner in diffusers' layout for a base model; its own autoencoder, the same as the base's, is not read. */
export async function openRefiner(
  folder: FolderLike,
  { name: model, vae, isBase }: RefinableModel,
  options: PartOptions = {},
): Promise<Refiner> {
  const { files, index } = await readModelFolder(folder);
  const refuse = (reason: string): CheckpointError =>
    new CheckpointError(`Cannot refine what "${model}" makes by "${files.name}": ${reason}`, {
      code: "MODEL_UNSUPPORTED",
    });
  if (!isBase) throw refuse("the model is no SDXL base");
  if (index === undefined) throw refuse("it is no model in diffusers' layout");
  const isRefiner = !index.components.get("text_encoder") && index.options.get("requires_aesthetics_score") === true;
  if (!/^StableDiffusionXL\w*Pipeline$/.test(index.className) || !isRefiner) {
    throw refuse("it is no SDXL refiner, whose first text encoder is missing and which is told of beauty");
  }
  const unet = await openComponent(files.at("unet"), options);
  const encoder = await openComponent(files.at("text_encoder_2"), options);
  const textConfig = clipTextConfig(
    encoder.config,
    encoder.configPath,
    index.components.get("text_encoder_2")?.className,
  );
  const config = toldOfBeauty(unetConfig(unet.config, unet.configPath));
  const { addition } = config;
  const { width, projection } = textConfig;
  if (config.contextWidth !== width) {
    throw refuse(`its U-Net takes prompts of width ${config.contextWidth}, its text encoder gives ${width}`);
  }
  if (addition === undefined || addition.inputWidth - TOLD * addition.timeWidth !== projection) {
    throw refuse(`its U-Net does not take summaries of width ${projection} with ${TOLD} numbers`);
  }
  if (config.outChannels !== vae.latentChannels || config.inChannels !== vae.latentChannels) {
    throw refuse(`its U-Net makes ${config.outChannels} channels, the model's autoencoder takes ${vae.latentChannels}`);
  }
  return {
    name: modelName(files.name),
    unet: { config, weights: unet.weights },
    text: {
      textEncoder: { config: textConfig, weights: encoder.weights },
      tokenizer: await openClipTokenizer(await readTokenizerFiles(files.at("tokenizer_2"))),
      zeroMissingPrompt: index.options.get("force_zeros_for_empty_prompt") === true,
    },
    scheduler: await readScheduler(files.at("scheduler"), index),
  };
}

const toldOfBeauty = (config: UNetConfig): UNetConfig =>
  config.addition === undefined ? config : { ...config, addition: { ...config.addition, numbers: TOLD } };
