import { basename } from "node:path";
import type { Command } from "commander";
import { LIMITS } from "../../errors/limits.ts";
import { isMeasureName, MEASURES, type MeasureName } from "../../evaluation/measures.ts";
import type { EvaluatedPolicy, Shard } from "../../evaluation/workload/items.ts";
import { INCEPTION_INPUTS, type InceptionInput } from "../../models/judges/inception.ts";
import { parseScenarios, SCENARIO_SYNTAX } from "../../pipelines/run/scenario.ts";
import { readUsedProfile } from "../tune/use-profile.ts";
import {
  addDeviceFlags,
  addModelFlags,
  addSamplingFlags,
  type ModelFlags,
  parseClasses,
  type SamplingFlags,
} from "./generation-flags.ts";
import { parseWhole, UsageError } from "./usage.ts";

export interface EvaluationFlags extends ModelFlags, SamplingFlags {
  readonly prompts?: string;
  readonly classes?: readonly string[];
  readonly count?: number;
  readonly batch: number;
  readonly seed: number;
  readonly policies: readonly EvaluatedPolicy[];
  readonly metrics?: readonly MeasureName[];
  readonly clip?: string;
  readonly lpips?: string;
  readonly features?: string;
  readonly inception?: string;
  readonly inceptionInput?: InceptionInput;
  readonly reference?: string;
  readonly shard?: Shard;
  readonly merge?: readonly string[];
  readonly redis?: string;
  readonly shards?: number;
  readonly store?: string;
  readonly output: string;
  readonly settings?: string;
  readonly json?: boolean;
}

/** Flags as the command line gives them. */
export type GivenFlags = Omit<EvaluationFlags, "policies"> & Partial<Pick<EvaluationFlags, "policies">>;

const DEFAULT_POLICIES = "off,uniform:2:0,uniform:3:0,uniform:5:0,uniform:10:0";

/** Adds all flags of `eval`. */
export function addEvaluationFlags(command: Command): Command {
  addModelFlags(command)
    .optionsGroup("Pictures:")
    .option("--prompts <file>", "one prompt a line; COCO captions (.json) or PartiPrompts (.tsv)")
    .option(
      "--classes <list>",
      'ImageNet classes in turn, as numbers or names: 207,360 or "golden retriever", or all',
      parseClasses,
    )
    .option("--count <n>", "images per policy (default: one for each prompt or class)", (text) =>
      parseWhole("--count", text, 1),
    )
    .optionsGroup("Evaluation:")
    .option(
      "--policies <list>",
      `what to compare, a list of ${SCENARIO_SYNTAX}, or profile:FILE of deepcache tune (default: ${DEFAULT_POLICIES})`,
      parsePolicies,
    )
    .option("--metrics <list>", `any of ${Object.keys(MEASURES).join(", ")} (default: psnr and ssim)`, parseMetrics)
    .option(
      "--clip <folder>",
      "CLIPModel or OpenCLIP model that clip scores images with (default: the embedded model's)",
    )
    .option("--lpips <files>", "weights of AlexNet or VGG16, and of lpips' linear layers, with a comma between")
    .option("--features <folder>", "scene network for noun, colour, accuracy and fd (default: the embedded model's)")
    .option(
      "--inception <file>",
      "weights of FID's network for fid, sfid, is, precision and recall (pytorch-fid's .pth)",
    )
    .option(
      "--reference <path>",
      "folder of pictures or statistics (.npz of pytorch-fid or ADM) that sets are compared with (fd's default: what its network comes with)",
    )
    .optionsGroup("Pictures:")
    .option("--batch <n>", "images made together", (text) => parseWhole("--batch", text, 1), 4)
    .option("-s, --seed <n>", "image i starts from the noise of seed n + i", (text) => parseWhole("--seed", text, 0), 0)
    .optionsGroup("Evaluation:")
    .option("--shard <i/n>", "make the i-th of n shares of the images only, as 2/8", parseShard)
    .option("--merge <folders...>", "instead of making images, join the folders of all shards")
    .option("--redis <url>", "let the workers of this Redis make the images: deepcache worker --evaluations")
    .option("--shards <n>", "shares that workers take one by one (default: one for each batch)", parseShards)
    .option("--store <place>", "take what workers make from this shared folder or bucket instead of from Redis");
  addInceptionInput(command);
  addSamplingFlags(command);
  return addDeviceFlags(command)
    .optionsGroup("Output:")
    .requiredOption("-o, --output <folder>", "where results are kept; a run that was stopped goes on there")
    .option("--settings <file>", "JSON that gives any of these flags by name; those given here come first")
    .option("--json", "print the result as JSON on stdout");
}

/** Flags with the policies that are compared where none are given. */
export const withPolicies = (flags: GivenFlags): EvaluationFlags => ({
  ...flags,
  policies: flags.policies ?? parsePolicies(DEFAULT_POLICIES),
});

const PROFILE = "profile:";

function parsePolicies(text: string): EvaluatedPolicy[] {
  const items = text.split(",").map((item) => item.trim());
  const scenarios = items.filter((item) => !item.startsWith(PROFILE));
  const read = scenarios.length === 0 ? [] : parseScenarios(scenarios.join(","));
  const found = read.map(({ policy, ...scenario }): EvaluatedPolicy => ({ ...scenario, cache: policy }));
  return items.flatMap((item) =>
    item.startsWith(PROFILE) ? profiled(item.slice(PROFILE.length)) : (found.shift() ?? []),
  );
}

function profiled(path: string): EvaluatedPolicy {
  const { sampler, steps, timesteps, cache } = readUsedProfile(path).point;
  const listed = timesteps === undefined ? {} : { timesteps };
  return { name: `${PROFILE}${basename(path)}`, cache, sampler, steps, ...listed, profile: path };
}

function parseMetrics(text: string): MeasureName[] {
  const names = text.split(",").map((item) => item.trim());
  const found = names.filter(isMeasureName);
  const unknown = names.find((name) => !isMeasureName(name));
  if (unknown !== undefined) {
    throw new UsageError(`Cannot use --metrics "${unknown}": allowed are ${Object.keys(MEASURES).join(", ")}`);
  }
  return [...new Set(found)];
}

/** Adds the flag that says how pictures become what FID's network sees. */
export const addInceptionInput = (command: Command): Command =>
  command.option(
    "--inception-input <rule>",
    `how pictures are resized and scaled for FID's network: ${INCEPTION_INPUTS.join(" or ")} (default: ${INCEPTION_INPUTS[0]})`,
    parseInput,
  );

function parseInput(text: string): InceptionInput {
  const found = INCEPTION_INPUTS.find((name) => name === text);
  if (found !== undefined) return found;
  throw new UsageError(`Cannot use --inception-input ${text}: one of ${INCEPTION_INPUTS.join(", ")} is required`);
}

function parseShards(text: string): number {
  const shards = parseWhole("--shards", text, 1);
  const { most } = LIMITS.evaluation.shards;
  if (shards > most) throw new UsageError(`Cannot use --shards ${text}: at most ${most} are allowed`);
  return shards;
}

function parseShard(text: string): Shard {
  const [, index = "", of = ""] = /^(\d+)\/(\d+)$/.exec(text) ?? [];
  const shard = { index: Number(index), of: Number(of) };
  if (index === "" || shard.index < 1 || shard.index > shard.of || shard.of > LIMITS.evaluation.shards.most) {
    throw new UsageError(`Cannot use --shard ${text}: a share such as 2/8 is required, counted from 1`);
  }
  return shard;
}
