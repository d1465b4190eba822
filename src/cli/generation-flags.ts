import type { Command } from "commander";
import { SAMPLER_NAMES } from "../diffusion/samplers.ts";
import type { TextToImageOptions } from "../pipelines/text-to-image-options.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { nodeRuntime } from "../runtime/runtimes/node.ts";
import { addCacheFlags, type CacheFlags } from "./cache-flags.ts";
import { parseNumber, parseWhole, UsageError } from "./usage.ts";

export interface GenerationFlags extends CacheFlags {
  readonly model?: string;
  readonly variant?: string;
  readonly prompt?: string;
  readonly negativePrompt?: string;
  readonly steps: number;
  readonly sampler?: string;
  readonly eta?: number;
  readonly guidanceScale: number;
  readonly guidanceRescale?: number;
  readonly clipSkip?: number;
  readonly seed?: number;
  readonly width?: number;
  readonly height?: number;
  readonly count: number;
  readonly device: string;
  readonly threads?: number;
  readonly output: string;
  readonly json?: boolean;
}

/** Adds what `generate` and `compare` have in common. */
export function addGenerationFlags(command: Command, defaultOutput: string): Command {
  command
    .argument("[prompts...]", "what the images show; several prompts make one batch")
    .option("-m, --model <folder>", "model folder in diffusers' layout (default: the embedded model)")
    .option("--variant <name>", "read the weight files published under this name, such as fp16")
    .option("-p, --prompt <text>", "the same as the argument")
    .option("-n, --negative-prompt <text>", "what the images should not show")
    .option("--steps <n>", "sampling steps", (text) => parseWhole("--steps", text, 1), 50)
    .option("--sampler <name>", `one of ${SAMPLER_NAMES.join(", ")} (default: the model's own)`)
    .option("--eta <x>", "noise added on the way by ddim and tcd, 0 to 1", (text) => parseNumber("--eta", text))
    .option(
      "--guidance-scale <s>",
      "how strongly to follow the prompt; 1 and less run without guidance",
      (text) => parseNumber("--guidance-scale", text),
      7.5,
    )
    .option("--guidance-rescale <x>", "tame strong guidance, 0 to 1", (text) => parseNumber("--guidance-rescale", text))
    .option("--clip-skip <k>", "leave out the text encoder's last k layers", (text) =>
      parseWhole("--clip-skip", text, 0),
    )
    .option("-s, --seed <n>", "start from this noise; the same seed gives the same image", (text) =>
      parseWhole("--seed", text, 0),
    )
    .option("-W, --width <pixels>", "width of the images (default: the model's own)", (text) =>
      parseWhole("--width", text, 1),
    )
    .option("-H, --height <pixels>", "their height", (text) => parseWhole("--height", text, 1))
    .option("-b, --count <n>", "images per prompt, in one batch", (text) => parseWhole("--count", text, 1), 1);
  return addCacheFlags(command)
    .option("--device <name>", "where to run: cpu", "cpu")
    .option("-t, --threads <n>", "threads to run on (default: all cores)", (text) => parseWhole("--threads", text, 1))
    .option("-o, --output <file>", "where to write the picture", defaultOutput)
    .option("--json", "print the result as JSON on stdout");
}

/** The prompts, given as arguments or by --prompt. */
export function promptsOf(prompts: readonly string[], { prompt }: GenerationFlags): readonly string[] {
  if (prompt !== undefined && prompts.length > 0)
    throw new UsageError("Cannot use --prompt together with a prompt argument");
  const given = prompt === undefined ? prompts : [prompt];
  if (given.length === 0)
    throw new UsageError('Cannot run without a prompt: give one, such as "a fox on a teal background"');
  return given;
}

export function runtimeOf({ device, threads }: GenerationFlags): Runtime {
  if (device !== "cpu") throw new UsageError(`Cannot run on device "${device}": this version runs on cpu`);
  return nodeRuntime(threads === undefined ? {} : { threads });
}

/** Everything but the cache policy. */
export function runOptions(
  prompts: readonly string[],
  flags: GenerationFlags,
  signal: AbortSignal,
): Omit<TextToImageOptions, "cache"> {
  const { negativePrompt } = flags;
  return {
    prompt: promptsOf(prompts, flags),
    negativePrompt,
    steps: flags.steps,
    sampler: flags.sampler,
    eta: flags.eta,
    guidanceScale: flags.guidanceScale,
    guidanceRescale: flags.guidanceRescale,
    clipSkip: flags.clipSkip,
    seed: flags.seed,
    width: flags.width,
    height: flags.height,
    count: flags.count,
    signal,
  };
}
