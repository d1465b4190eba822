import { CheckpointError } from "../checkpoint/errors.ts";
import { nameOf } from "../checkpoint/files/place.ts";
import type { FileLike, Files, FolderLike } from "../checkpoint/files.ts";
import { openComponent } from "../checkpoint/folder/component.ts";
import type { ModelIndex } from "../checkpoint/folder/model-index.ts";
import { type OpenCheckpointOptions, openCheckpoint } from "../checkpoint/open-checkpoint.ts";
import { readYamlFile } from "../checkpoint/text/yaml-file.ts";
import { type SchedulerConfig, schedulerConfigAs } from "../diffusion/scheduler-config.ts";
import { takesVariance } from "../diffusion/schedules/learned-variance.ts";
import { ddpmScheduleConfig } from "../diffusion/schedules/original-schedules.ts";
import { unetConfig } from "../models/unet/unet-config.ts";
import type { UNetConfig } from "../models/unet/unet-types.ts";
import { ddpmConfig } from "../originals/ddpm/ddpm-config.ts";
import { withDiffusersNames } from "../originals/ddpm/ddpm-keys.ts";
import { ddpmState } from "../originals/ddpm/ddpm-states.ts";
import { type ModelFolder, readModelFolder } from "./model-folder.ts";
import { UNCONDITIONAL_STEPS } from "./published-defaults.ts";
import { readScheduler } from "./scheduler.ts";
import type { Network, OpenOptions } from "./stable-diffusion.ts";

/** How the DDPM and DDIM code spreads timesteps (its `skip_type`): evenly, or more closely near the end. */
export type TimestepSelection = "uniform" | "quad";

/** A model of pixels that takes no condition, described but not loaded. */
export interface UnconditionalModel {
  /** The folder or file that it was opened from. */
  readonly path: string;
  readonly unet: Network<UNetConfig>;
  /** [height, width] of its images. */
  readonly size: readonly [number, number];
  /** The model's own scheduler. */
  readonly scheduler: SchedulerConfig;
  /** What samplers of the same class go by instead of `scheduler`. */
  readonly alternatives: readonly SchedulerConfig[];
  /** The number of steps that the model's own sampler is published with. */
  readonly steps: number;
  /** How the model's own sampler spreads timesteps where its scheduler does not say. */
  readonly timestepSelection: TimestepSelection | undefined;
}

interface Pipeline {
  readonly scheduler: (published: SchedulerConfig) => SchedulerConfig;
  readonly steps: number;
}

const DDPM: Pipeline = { scheduler: (published) => published, steps: UNCONDITIONAL_STEPS.DDPMPipeline };

/** The pipeline classes of diffusers that this one stands for, with their defaults. */
const PIPELINES: Readonly<Record<string, Pipeline>> = {
  DDPMPipeline: DDPM,
  DDIMPipeline: {
    scheduler: (published) => schedulerConfigAs("DDIMScheduler", published),
    steps: UNCONDITIONAL_STEPS.DDIMPipeline,
  },
};

/**
 * Opens a model folder in diffusers' layout, or in the older one of google/ddpm-* in which the U-Net's and the
 * scheduler's files lie in the folder itself.
 */
export async function openUnconditional(folder: FolderLike, options: OpenOptions = {}): Promise<UnconditionalModel> {
  return openUnconditionalFolder(await readModelFolder(folder), options);
}

/** Opens a model folder that has been listed already. */
export async function openUnconditionalFolder(
  { files, names, index }: ModelFolder,
  options: OpenOptions,
): Promise<UnconditionalModel> {
  const within = (component: string): Files => (names.has(component) ? files.at(component) : files);
  const { scheduler, steps } = index === undefined ? DDPM : pipelineOf(index, files.name);
  const { config, configPath, weights } = await openComponent(within("unet"), options);
  const published = await readScheduler(within("scheduler"), index);
  const unet = { config: unetConfig(config, configPath), weights };
  return {
    path: files.name,
    unet,
    size: imageSize(unet.config, configPath, published),
    scheduler: scheduler(published),
    alternatives: [],
    steps,
    timestepSelection: undefined,
  };
}

function pipelineOf({ className }: ModelIndex, folder: string): Pipeline {
  const pipeline = Object.hasOwn(PIPELINES, className) ? PIPELINES[className] : undefined;
  if (pipeline !== undefined) return pipeline;
  throw new CheckpointError(
    `Cannot open "${folder}" for unconditional images: it is a ${className}, one of ${Object.keys(PIPELINES).join(", ")} is required`,
    { code: "MODEL_UNSUPPORTED" },
  );
}

/** The size of the images, refusing a network that does not turn noise alone into images. */
function imageSize(config: UNetConfig, path: string, scheduler: SchedulerConfig): readonly [number, number] {
  const { architecture, inChannels, outChannels, classes, sampleSize } = config;
  const refuse = (reason: string): never => {
    throw new CheckpointError(`Cannot use "${path}" for unconditional images: ${reason}`);
  };
  if (architecture !== "UNet2DModel") refuse(`it is a ${architecture}, a UNet2DModel is required`);
  if (classes !== undefined) refuse(`it takes one of ${classes} classes, which nobody gives`);
  const learned = takesVariance(scheduler.given);
  const required = learned ? 2 * inChannels : inChannels;
  if ((inChannels !== 3 && inChannels !== 1) || outChannels !== required) {
    const variance = learned ? `, and as many for the variance, which its ${scheduler.className} takes from it,` : "";
    refuse(`it turns ${inChannels} channels into ${outChannels}, the 3 or the 1 of an image${variance} are required`);
  }
  return sampleSize ?? refuse("it has no sample_size");
}

/** Where a model of the DDPM and DDIM code lies. */
export interface OriginalDdpm extends Omit<OpenCheckpointOptions, "at"> {
  /** A ckpt.pth. */
  readonly checkpoint: FileLike;
  /** The config.yml that it was trained with. */
  readonly config: FileLike;
  /** Whether to prefer the moving average to the weights themselves where a checkpoint of the trainer holds both. */
  readonly ema?: boolean | undefined;
}

/** Opens a checkpoint of the DDPM and DDIM code; it samples as that code does, unclipped by DDIM. */
export async function openOriginalDdpm(location: OriginalDdpm): Promise<UnconditionalModel> {
  const { checkpoint, config, ema, ...opening } = location;
  const [path, configPath] = [nameOf(checkpoint), nameOf(config)];
  const read = ddpmConfig(await readYamlFile(config), configPath);
  const state = ddpmState((await openCheckpoint(checkpoint, opening)).weights, { ema });
  const scheduler = ddpmScheduleConfig(read.schedule);
  return {
    path,
    unet: { config: read.unet, weights: withDiffusersNames(state, read.unet, path) },
    size: imageSize(read.unet, configPath, scheduler),
    scheduler,
    alternatives: [
      // The code's other sampler clips, and adds the larger of DDPM's two variances whatever the model was trained with.
      schedulerConfigAs("DDPMScheduler", scheduler, { clip_sample: true, variance_type: "fixed_large" }),
    ],
    steps: 100, // the paper's; the code's default is 1000
    timestepSelection: "uniform",
  };
}
