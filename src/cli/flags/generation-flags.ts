import type { Command } from "commander";
import { WEIGHT_DTYPES, type WeightDtype } from "../../benchmark/random-weights.ts";
import { SAMPLER_NAMES } from "../../diffusion/samplers.ts";
import { isDevice, NODE_DEVICES, type NodeDevice } from "../../runtime/node/device.ts";
import { addCacheFlags, type CacheFlags } from "./cache-flags.ts";
import { parseNumber, parseWhole, UsageError } from "./usage.ts";

/** Which model, and what it runs on. */
export interface ModelFlags {
  readonly model?: string;
  readonly config?: string;
  readonly variant?: string;
  readonly ema?: boolean;
  readonly tokenizer?: string;
  readonly device: NodeDevice;
  readonly threads?: number;
  readonly lowMemory?: boolean;
  readonly keepLoaded: boolean;
  readonly vaeTiling?: boolean;
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
  readonly width?: number;
  readonly height?: number;
}

export interface GenerationFlags extends CacheFlags, ModelFlags, SamplingFlags {
  readonly prompt?: string;
  readonly class?: readonly string[];
  readonly image?: string;
  readonly mask?: string;
  readonly strength?: number;
  readonly seed?: number;
  readonly count: number;
  readonly oneGenerator?: boolean;
  readonly output: string;
  readonly json?: boolean;
}

const whole = (flag: string, least: number) => (text: string) => parseWhole(flag, text, least);
const number = (flag: string) => (text: string) => parseNumber(flag, text);

/** Adds the flags that say which model is opened. */
export function addModelFlags(command: Command): Command {
  return command
    .option("-m, --model <path>", "model folder in diffusers' layout, or checkpoint file (default: the embedded model)")
    .option("--config <file>", "YAML of the original repository that describes a checkpoint file")
    .option("--variant <name>", "read the weight files published under this name, such as fp16")
    .option("--no-ema", "take the weights themselves where a file also has averaged ones")
    .option("--tokenizer <folder>", "vocabulary for single files of Stable Diffusion (default: CLIP's)");
}

/** Adds the flags that say how images are made. */
export function addSamplingFlags(command: Command): Command {
  return command
    .option("-n, --negative-prompt <text>", "what the images should not show")
    .option("--steps <n>", "sampling steps (default: 50, or what the model was published with)", whole("--steps", 1))
    .option("--sampler <name>", `one of ${SAMPLER_NAMES.join(", ")} (default: the model's own)`)
    .option("--eta <x>", "noise added on the way by ddim and tcd, 0 to 1", number("--eta"))
    .option("--timestep-selection <how>", "as the DDPM code spreads timesteps: uniform or quad")
    .option(
      "--guidance-scale <s>",
      "how strongly to follow prompt or class; 1 and less run without guidance (default: 7.5, SDXL 5, classes 1.5)",
      number("--guidance-scale"),
    )
    .option("--guidance-rescale <x>", "tame strong guidance, 0 to 1", number("--guidance-rescale"))
    .option("--clip-skip <k>", "leave out the text encoder's last k layers", whole("--clip-skip", 0))
    .option("-W, --width <pixels>", "width of the images (default: the model's own)", whole("--width", 1))
    .option("-H, --height <pixels>", "their height", whole("--height", 1));
}

/** Adds the flags that say what runs are made on. */
export function addDeviceFlags(command: Command): Command {
  return command
    .option("--device <name>", `where to run: ${DEVICES}`, parseDevice, "cpu")
    .option("-t, --threads <n>", "threads on the CPU (default: all cores)", whole("--threads", 1))
    .option("--low-memory", "leave weights in their files and one network at a time in memory; slower")
    .option("--no-keep-loaded", "release each network when a run is done with it (generate always does)")
    .option("--vae-tiling", "decode large pictures in overlapping tiles (default with --low-memory)")
    .option("--no-vae-tiling", "decode pictures as a whole");
}

/** Adds what `generate` and `compare` have in common. */
export function addGenerationFlags(command: Command, defaultOutput: string): Command {
  command.argument("[prompts...]", "what the images show; several prompts make one batch");
  addModelFlags(command)
    .option("-p, --prompt <text>", "the same as the argument")
    .option("--class <list>", 'ImageNet classes, as numbers or names: 207,360 or "golden retriever"', parseClasses)
    .option("--image <png>", "start from this picture")
    .option("--mask <png>", "paint the picture anew where this one is white")
    .option("--strength <x>", "how much to change the picture, above 0 up to 1", number("--strength"));
  addSamplingFlags(command)
    .option("-s, --seed <n>", "start from this noise; the same seed gives the same image", whole("--seed", 0))
    .option("-b, --count <n>", "images per prompt or class; image i has seed + i", whole("--count", 1), 1)
    .option("--one-generator", "draw the noise of all images from one seed, as diffusers does for a batch");
  return addDeviceFlags(addCacheFlags(command))
    .option("-o, --output <file>", "where to write the picture", defaultOutput)
    .option("--json", "print the result as JSON on stdout");
}

/** Parses "207, golden retriever". */
export const parseClasses = (text: string): string[] => text.split(",").map((item) => item.trim());

const DEVICES = Object.keys(NODE_DEVICES).join(", ");

/** Parses the name of a device; whether this machine has it shows when it is used. */
export function parseDevice(text: string): NodeDevice {
  if (!isDevice(text)) throw new UsageError(`Cannot run on device "${text}": one of ${DEVICES} is required`);
  return text;
}

/** Parses the type of weights that are made or assumed. */
export function parseDtype(text: string): WeightDtype {
  if (Object.hasOwn(WEIGHT_DTYPES, text)) return text as WeightDtype;
  throw new UsageError(`Cannot use --dtype ${text}: one of ${Object.keys(WEIGHT_DTYPES).join(", ")} is required`);
}
