import type { Command } from "commander";
import { WEIGHT_DTYPES, type WeightDtype } from "../../benchmark/random-weights.ts";
import { SAMPLER_NAMES } from "../../diffusion/samplers.ts";
import { FITS, type Fit } from "../../image/geometry/fit.ts";
import type { PreviewKind } from "../../pipelines/latents/previews.ts";
import { TINY_VAE_USES, type TinyVaeUse } from "../../pipelines/text-to-image/text-to-image-options.ts";
import { CONVOLUTIONS, type Convolutions } from "../../runtime/convolutions.ts";
import type { PrecisionChoice } from "../../runtime/node/choose-precision.ts";
import { DEVICE_NAMES, isDevice, type NodeDevice } from "../../runtime/node/device.ts";
import { PRECISIONS } from "../../runtime/precision.ts";
import type { PromptFlags } from "../prompts.ts";
import { type AdapterFlags, addAdapterFlags } from "./adapter-flags.ts";
import { addCacheFlags, type CacheFlags } from "./cache-flags.ts";
import { addControlFlags, type ControlFlags } from "./control-flags.ts";
import { parseList, parseNumber, parseWhole, UsageError } from "./usage.ts";

/** Which model, and what it runs on. */
export interface ModelFlags {
  readonly model?: string;
  readonly config?: string;
  readonly variant?: string;
  readonly ema?: boolean;
  readonly tokenizer?: string;
  readonly vae?: string;
  readonly tinyVae?: string;
  readonly refiner?: string;
  readonly device: NodeDevice;
  readonly threads?: number;
  readonly convolutions?: Convolutions;
  readonly precision?: PrecisionChoice | undefined;
  readonly lowMemory?: boolean;
  readonly keepLoaded: boolean;
  readonly vaeTiling?: boolean;
  readonly tinyVaeFor?: TinyVaeUse;
  readonly force?: boolean;
}

/** How images are made, whatever they show. */
export interface SamplingFlags {
  readonly negativePrompt?: string;
  readonly steps?: number;
  readonly sampler?: string;
  readonly eta?: number;
  readonly timestepSelection?: string;
  readonly guidanceScale?: number;
  readonly guidanceRescale?: number;
  readonly clipSkip?: number;
  readonly refinerStart?: number;
  readonly width?: number;
  readonly height?: number;
  readonly timesteps?: string;
  readonly sigmas?: string;
  readonly originalSize?: string;
  readonly cropsCoordsTopLeft?: string;
  readonly targetSize?: string;
  readonly negativeOriginalSize?: string;
  readonly negativeCropsCoordsTopLeft?: string;
  readonly negativeTargetSize?: string;
}

export interface GenerationFlags
  extends CacheFlags,
    ModelFlags,
    SamplingFlags,
    PromptFlags,
    ControlFlags,
    AdapterFlags {
  readonly class?: readonly string[];
  readonly image?: string;
  readonly mask?: string;
  readonly strength?: number;
  readonly fit?: Fit;
  /** One for all images to count up from, or one for each image of a prompt. */
  readonly seed?: readonly number[];
  readonly count?: number;
  /** Images made together. */
  readonly batch?: number;
  readonly oneGenerator?: boolean;
  readonly previewEvery?: number;
  readonly previewKind?: PreviewKind;
  readonly json?: boolean;
}

const whole = (flag: string, least: number) => (text: string) => parseWhole(flag, text, least);
const number = (flag: string) => (text: string) => parseNumber(flag, text);

/** Adds the flags that say which model is opened. */
export function addModelFlags(command: Command): Command {
  return command
    .optionsGroup("Model:")
    .option(
      "-m, --model <path>",
      "org/name[@revision] of the hub, a model folder in diffusers' layout, or a checkpoint file (default: the embedded model)",
    )
    .option("--config <file>", "YAML of the original repository that describes a checkpoint file")
    .option("--variant <name>", "read the weight files published under this name, such as fp16")
    .option("--no-ema", "take the weights themselves where a file also has averaged ones")
    .option("--tokenizer <folder>", "vocabulary for single files of Stable Diffusion (default: CLIP's)")
    .option("--vae <path>", "use this autoencoder instead of the model's own, a folder, a file or an id")
    .option(
      "--tiny-vae <path>",
      "decode by this tiny autoencoder (TAESD), a folder, a file or an id; faster, not as well",
    );
}

/** Adds the flags that say how images are made. */
export function addSamplingFlags(command: Command): Command {
  return command
    .optionsGroup("Sampling:")
    .option("-n, --negative-prompt <text>", "what the images should not show")
    .option("--steps <n>", "sampling steps (default: the model's own)", whole("--steps", 1))
    .option("--sampler <name>", `one of ${SAMPLER_NAMES.join(", ")} (default: the model's own)`)
    .option("--timesteps <list>", 'the timesteps themselves, such as 999,700,300,20, or "ays": Align Your Steps')
    .option("--sigmas <list>", 'the noise levels themselves, such as 14.6,3.9,0.9,0, or "ays"')
    .option("--eta <x>", "noise added on the way by ddim and tcd, 0 none to 1 as much as ddpm", number("--eta"))
    .option("--timestep-selection <how>", "as the DDPM code spreads timesteps: uniform or quad")
    .option(
      "--guidance-scale <s>",
      "how strongly to follow prompt or class; at 1 there is no guidance and half the work, with prompts below 1 as well (default: the model's own)",
      number("--guidance-scale"),
    )
    .option("--guidance-rescale <x>", "tame strong guidance, 0 to 1", number("--guidance-rescale"))
    .option("--refiner <path>", "let this SDXL refiner end runs, a folder, a file or an id")
    .option(
      "--refiner-start <x>",
      "the share of the schedule after which --refiner takes over (default: 0.8)",
      number("--refiner-start"),
    )
    .option("--clip-skip <k>", "leave out the text encoder's last k layers", whole("--clip-skip", 0))
    .option(
      "-W, --width <pixels>",
      "width of the images (default: that of --image, or the model's own)",
      whole("--width", 1),
    )
    .option("-H, --height <pixels>", "their height", whole("--height", 1))
    .option("--original-size <WxH>", "what SDXL is told of the picture before it was scaled down")
    .option("--crops-coords-top-left <top,left>", "where SDXL is told that the picture was cropped")
    .option("--target-size <WxH>", "the size that SDXL is told that the picture has")
    .option("--negative-original-size <WxH>", "the same for what the images should not be")
    .option("--negative-crops-coords-top-left <top,left>", "the same")
    .option("--negative-target-size <WxH>", "the same");
}

/** Adds the flags that say what runs are made on. */
export function addDeviceFlags(command: Command): Command {
  return command
    .optionsGroup("Device and memory:")
    .option("--device <name>", `where to run: ${DEVICE_NAMES}`, parseDevice, "cpu")
    .option("-t, --threads <n>", "threads on the CPU (default: all cores)", whole("--threads", 1))
    .option(
      "--convolutions <how>",
      'on the CPU, "winograd" for fewer multiplications or "direct", which differs in the last bits (default: winograd)',
      parseConvolutions,
    )
    .option(
      "--precision <name>",
      `what the U-Net's layers are computed in: ${PRECISION_NAMES} (default: float32)`,
      parsePrecisionChoice,
    )
    .option("--low-memory", "leave weights in their files and one network at a time in memory; slower")
    .option("--no-keep-loaded", "release each network when a run is done with it (generate does for its last run)")
    .option("--vae-tiling", "decode large pictures in overlapping tiles (default with --low-memory)")
    .option("--no-vae-tiling", "decode pictures as a whole")
    .option(
      "--tiny-vae-for <what>",
      `what --tiny-vae decodes: ${TINY_VAE_USES.join(" or ")} (default: all)`,
      parseTinyVaeUse,
    )
    .option("--force", "run even if this machine has too little memory");
}

/** Adds the flags that say what images show and how many there are, before anything else. */
export function addPictureFlags(command: Command): Command {
  return command
    .optionsGroup("Pictures:")
    .argument("[prompts...]", "what the images show; @file gives one a line, - reads them from stdin")
    .option("-p, --prompt <text>", "one prompt, as it is")
    .option("--prompts <file>", "one prompt a line; COCO captions (.json) or PartiPrompts (.tsv)")
    .option("--class <list>", 'ImageNet classes, as numbers or names: 207,360 or "golden retriever"', parseClasses)
    .option("-s, --seed <n>", "image i has seed n + i; or a list, 1,2,3: one image each of every prompt", parseSeeds)
    .option("-b, --count <n>", "images per prompt or class (default: 1)", whole("--count", 1))
    .option("--one-generator", "draw the noise of all images from one seed, as diffusers does for a batch")
    .option("--image <picture>", "start from this picture: PNG, or with the package sharp JPEG or WebP")
    .option("--mask <picture>", "paint the picture anew where this one is white")
    .option("--strength <x>", "how much to change the picture, above 0 up to 1", number("--strength"))
    .option(
      "--fit <how>",
      `how pictures come to the size of the images: ${FITS.join(", ")} (default: cover)`,
      parseFit,
    );
}

/** Adds what says how images of `addPictureFlags` are made. */
export const addMakingFlags = (command: Command): Command =>
  addDeviceFlags(addCacheFlags(addSamplingFlags(addControlFlags(addAdapterFlags(addModelFlags(command))))));

function parseTinyVaeUse(text: string): TinyVaeUse {
  const use = TINY_VAE_USES.find((name) => name === text);
  if (use !== undefined) return use;
  throw new UsageError(`Cannot use --tiny-vae-for ${text}: ${TINY_VAE_USES.join(" or ")} is required`);
}

const parseSeeds = (text: string): number[] => parseList("--seed", text);

function parseFit(text: string): Fit {
  const fit = FITS.find((name) => name === text);
  if (fit !== undefined) return fit;
  throw new UsageError(`Cannot use --fit ${text}: one of ${FITS.join(", ")} is required`);
}

/** Parses "207, golden retriever". */
export const parseClasses = (text: string): string[] => text.split(",").map((item) => item.trim());

/** Parses the name of a device; whether this machine has it shows when it is used. */
export function parseDevice(text: string): NodeDevice {
  if (!isDevice(text)) throw new UsageError(`Cannot run on device "${text}": one of ${DEVICE_NAMES} is required`);
  return text;
}

export function parseConvolutions(text: string): Convolutions {
  const found = CONVOLUTIONS.find((known) => known === text);
  if (found !== undefined) return found;
  throw new UsageError(`Cannot use --convolutions ${text}: one of ${CONVOLUTIONS.join(", ")} is required`);
}

/** What the precisions are for, for help texts. */
export const PRECISION_NAMES =
  "float32, int8 on the CPU, bfloat16 or float16 with OpenVINO, or auto: what is worth it on this machine";

/** Parses a precision, or the wish that the machine chooses one. */
export function parsePrecisionChoice(text: string): PrecisionChoice {
  if (text === "auto") return text;
  const found = PRECISIONS.find((known) => known === text);
  if (found !== undefined) return found;
  throw new UsageError(`Cannot use --precision ${text}: one of ${PRECISIONS.join(", ")}, auto is required`);
}

/** Parses the type of weights that are made or assumed. */
export function parseDtype(text: string): WeightDtype {
  if (Object.hasOwn(WEIGHT_DTYPES, text)) return text as WeightDtype;
  throw new UsageError(`Cannot use --dtype ${text}: one of ${Object.keys(WEIGHT_DTYPES).join(", ")} is required`);
}
