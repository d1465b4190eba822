import type { Command } from "commander";
import { isSamplerName, type SamplerName } from "../../diffusion/samplers.ts";
import {
  addDeviceFlags,
  addModelFlags,
  addSamplingFlags,
  type ModelFlags,
  parseClasses,
  type SamplingFlags,
} from "./generation-flags.ts";
import { parseNumber, parseWhole, UsageError } from "./usage.ts";

export interface TuningFlags extends ModelFlags, SamplingFlags {
  readonly prompts?: string;
  readonly classes?: readonly string[];
  readonly budget?: readonly number[];
  readonly speedup?: readonly number[];
  readonly branch: number;
  readonly images: number;
  readonly check: number;
  readonly batch: number;
  readonly seed: number;
  readonly trials: number;
  readonly timestepTrials: number;
  readonly reference?: { readonly sampler: SamplerName; readonly steps: number };
  readonly output: string;
  readonly json?: boolean;
}

const whole = (flag: string, least: number) => (text: string) => parseWhole(flag, text, least);
const numbers = (flag: string) => (text: string) => text.split(",").map((item) => parseNumber(flag, item.trim()));

/** Adds all flags of `tune`. */
export function addTuningFlags(command: Command): Command {
  addModelFlags(command)
    .optionsGroup("Search:")
    .option("--budget <list>", "full-step equivalents to tune for, such as 8,10,13", numbers("--budget"))
    .option(
      "--speedup <list>",
      "the same as times faster than --steps (default: 50), such as 4,5",
      numbers("--speedup"),
    )
    .option("--branch <b>", "deepest skip connection that cached evaluations still compute", whole("--branch", 0), 0)
    .option(
      "--trials <n>",
      "trials of the search for each budget, after a first look at all samplers",
      whole("--trials", 1),
      30,
    )
    .option(
      "--timestep-trials <n>",
      "trials more for each budget, which move single timesteps of what is best; 150 gained 1.3 dB for the model in the package",
      whole("--timestep-trials", 0),
      0,
    )
    .option(
      "--reference <run>",
      "run to come close to, as SAMPLER:STEPS (default: dpmpp-2m-trailing:200)",
      parseReference,
    )
    .optionsGroup("Pictures:")
    .option("--prompts <file>", "one prompt a line: the first half is tuned on, the second checked on")
    .option("--classes <list>", "ImageNet classes, as numbers or names", parseClasses)
    .option("--images <n>", "images to tune on, best a multiple of --batch", whole("--images", 1), 12)
    .option("--check <n>", "other images to check the result on", whole("--check", 2), 12)
    .option("--batch <n>", "images made together", whole("--batch", 1), 4)
    .option("-s, --seed <n>", "seed of the first image", whole("--seed", 0), 0);
  addSamplingFlags(command);
  return addDeviceFlags(command)
    .optionsGroup("Output:")
    .requiredOption("-o, --output <file>", "the profile; what is known so far is kept beside it until it is done")
    .option("--json", "print the profile as JSON on stdout");
}

function parseReference(text: string): { readonly sampler: SamplerName; readonly steps: number } {
  const [sampler = "", steps = ""] = text.split(":");
  if (!isSamplerName(sampler))
    throw new UsageError(`Cannot use --reference ${text}: a run such as ddim:200 is required`);
  return { sampler, steps: parseWhole("--reference", steps, 1) };
}
