import { type Component, openComponent } from "../checkpoint/component.ts";
import { CheckpointError } from "../checkpoint/errors.ts";
import { readSmallFile } from "../checkpoint/json-file.ts";
import { readModelIndex } from "../checkpoint/model-index.ts";
import { readTokenizerFiles } from "../checkpoint/tokenizer-files.ts";
import type { Weights } from "../checkpoint/weights.ts";
import { parseSchedulerConfig, type SchedulerConfig } from "../diffusion/scheduler-config.ts";
import { type AutoencoderKlConfig, autoencoderKlConfig } from "../models/autoencoder-kl.ts";
import { type ClipTextConfig, clipTextConfig } from "../models/clip-text.ts";
import { type UNetConfig, unetConfig } from "../models/unet-config.ts";
import { type ClipTokenizer, loadClipTokenizer } from "../tokenizer/clip-tokenizer.ts";

export interface Network<Config> {
  readonly config: Config;
  readonly weights: Weights;
}

/** A text-to-image model of the Stable Diffusion 1.x and 2.x kind, described but not loaded. */
export interface StableDiffusionModel {
  readonly folder: string;
  readonly unet: Network<UNetConfig>;
  readonly vae: Network<AutoencoderKlConfig>;
  readonly textEncoder: Network<ClipTextConfig>;
  readonly tokenizer: ClipTokenizer;
  readonly scheduler: SchedulerConfig;
}

const PIPELINES = ["StableDiffusionPipeline"];

/** How a model folder is opened. */
export interface OpenOptions {
  /** Read the files published under this variant, such as "fp16". */
  readonly variant?: string | undefined;
}

/** Opens a model folder in diffusers' layout: reads configs, vocabulary and the headers of the weight files. */
export async function openStableDiffusion(
  folder: string,
  { variant }: OpenOptions = {},
): Promise<StableDiffusionModel> {
  const index = await readModelIndex(folder);
  if (!PIPELINES.includes(index.className)) {
    throw new CheckpointError(
      `Cannot open "${folder}" for text to image: it is a ${index.className}, one of ${PIPELINES.join(", ")} is required`,
    );
  }
  const open = async <Config>(
    name: string,
    parse: (config: unknown, source: string) => Config,
  ): Promise<Network<Config>> => {
    const component: Component = await openComponent(`${folder}/${name}`, variant === undefined ? {} : { variant });
    return { config: parse(component.config, component.configPath), weights: component.weights };
  };
  const model = {
    folder,
    unet: await open("unet", unetConfig),
    vae: await open("vae", autoencoderKlConfig),
    textEncoder: await open("text_encoder", clipTextConfig),
    tokenizer: loadClipTokenizer(await readTokenizerFiles(`${folder}/tokenizer`)),
    scheduler: await openScheduler(folder),
  };
  checkFit(model);
  return model;
}

/** The scheduler config of a model folder. */
export async function openScheduler(folder: string): Promise<SchedulerConfig> {
  const path = `${folder}/scheduler/scheduler_config.json`;
  return parseSchedulerConfig(new TextDecoder().decode(await readSmallFile(path)), path);
}

/** Refuses networks that cannot work together, before anything runs. */
function checkFit({ folder, unet, vae, textEncoder }: StableDiffusionModel): void {
  const { contextWidth, outChannels } = unet.config;
  if (contextWidth !== textEncoder.config.width) {
    throw new CheckpointError(
      `Cannot use "${folder}": its U-Net takes prompts of width ${contextWidth}, its text encoder gives ${textEncoder.config.width}`,
    );
  }
  if (outChannels !== vae.config.latentChannels) {
    throw new CheckpointError(
      `Cannot use "${folder}": its U-Net makes ${outChannels} channels, its autoencoder takes ${vae.config.latentChannels}`,
    );
  }
}
