import type { Command } from "commander";
import { type Forecast, forecastSetting } from "../../deepcache/forecast-setting.ts";
import {
  type CachePolicy,
  type CachePolicyInput,
  POLICY_HELP,
  POLICY_SETTINGS_SYNTAX,
  parsePolicy,
  readCache,
} from "../../deepcache/policies.ts";
import { PRESET_NAMES, type PresetName } from "../../pipelines/presets.ts";
import { parseList, parseNumber, parseWhole, UsageError } from "./usage.ts";

export interface CacheFlags {
  /** One, or several where a command compares them. */
  readonly interval?: readonly number[];
  readonly branch?: number;
  readonly center?: number;
  readonly power?: number;
  readonly quadratic?: boolean;
  readonly fullSteps?: readonly number[];
  readonly warmup?: number;
  readonly forecast?: Forecast;
  /** Policies of --cache; false for --no-cache. */
  readonly cache?: readonly CachePolicy[] | false;
  /** How many times fewer operations than without a cache. */
  readonly speedup?: number;
  /** File of `tune`, with a budget behind @ where it has several. */
  readonly profile?: string;
  readonly preset?: PresetName;
}

/** The plug-in's documented setting (cache_interval=3, cache_branch_id=0). */
export const DEFAULT_INTERVAL = 3;
/** The power of the reference's own example. */
const DEFAULT_POWER = 1.4;
/** The power of the latent diffusion code's script. */
const QUADRATIC_POWER = 1.5;

/** Adds the flags that choose when the deep part of the U-Net runs. */
export function addCacheFlags(command: Command): Command {
  return command
    .optionsGroup("Cache:")
    .option(
      "--interval <n>",
      "run the whole U-Net on every n-th evaluation only; compare takes several: 2,3,5",
      (text) => parseList("--interval", text, 1),
    )
    .option("--branch <b>", "deepest skip connection that the evaluations between still compute (default: 0)", (text) =>
      parseWhole("--branch", text, 0),
    )
    .option(
      "--center <c>",
      "spend more full evaluations around this one, as the paper's non-uniform schedule",
      (text) => parseWhole("--center", text, 0),
    )
    .option("--power <p>", `how strongly to, above 1 (default: ${DEFAULT_POWER})`, (text) =>
      parseNumber("--power", text),
    )
    .option("--quadratic", `the latent diffusion code's schedule; --power is ${QUADRATIC_POWER} unless given`)
    .option("--full-steps <list>", "the full evaluations themselves, such as 0,10,20", (text) =>
      parseList("--full-steps", text),
    )
    .option(
      "--warmup <count>",
      "so many full evaluations at the start, two or more for a forecast (default: 1)",
      (text) => parseWhole("--warmup", text, 1),
    )
    .option(
      "--forecast <damping>",
      "forecast what the deep part would give from its last two results, instead of copying the last; 0.75 is a good " +
        "start, 0 copies; several numbers with / between are a factor for each evaluation",
      parseForecast,
    )
    .option(
      "--cache <policy>",
      "the same as an interval or in one text, such as centered:5:15:1.4; compare takes several with commas between",
      (text) => text.split(",").map((item) => readCache(item.trim())),
    )
    .option(
      "--speedup <x>",
      "how many times fewer operations than without a cache: chooses the full evaluations and the forecast",
      (text) => parseNumber("--speedup", text),
    )
    .option(
      "--profile <file>",
      "sampler, steps and cache as deepcache tune has found them; FILE@10 where it has several budgets",
    )
    .option("--preset <name>", `sampler, steps and cache at once: ${PRESET_NAMES.join(", ")}`, parsePreset)
    .option("--no-cache", "run the whole U-Net on every evaluation")
    .addHelpText("after", `\nPolicies of --cache, each also with ${POLICY_SETTINGS_SYNTAX}:\n${POLICIES_HELP}`);
}

const SYNTAX_WIDTH = Math.max(...POLICY_HELP.map(([syntax]) => syntax.length));
const POLICIES_HELP = POLICY_HELP.map(([syntax, says]) => `  ${syntax.padEnd(SYNTAX_WIDTH)}  ${says}`).join("\n");

function parsePreset(text: string): PresetName {
  const found = PRESET_NAMES.find((name) => name === text);
  if (found !== undefined) return found;
  throw new UsageError(`Cannot use --preset ${text}: one of ${PRESET_NAMES.join(", ")} is required`);
}

function parseForecast(text: string): Forecast {
  const forecast = forecastSetting.read(text);
  if (forecast !== undefined) return forecast;
  throw new UsageError(`Cannot use --forecast "${text}": ${forecastSetting.form.text} is required`);
}

/** The policy that the flags describe; `fallback` where they say nothing. */
export function policyOf(flags: CacheFlags, fallback: CachePolicy): CachePolicy {
  const [policy = fallback, ...others] = policiesOf(flags, fallback);
  if (others.length > 0) throw new UsageError("Cannot use several intervals or policies here: give one");
  return policy;
}

/** One policy for each interval or text that the flags give; `fallback` where they say nothing. */
export const policiesOf = (flags: CacheFlags, fallback: CachePolicy): CachePolicy[] =>
  describedBy(flags)?.map(parsePolicy) ?? [fallback];

function describedBy(flags: CacheFlags): readonly CachePolicyInput[] | undefined {
  const { interval, center, power, fullSteps, quadratic, cache, warmup, forecast, speedup } = flags;
  const shared = { branch: flags.branch ?? 0, warmup, forecast };
  const given = [interval, flags.branch, center, power, fullSteps, quadratic, warmup, forecast].some(
    (value) => value !== undefined,
  );
  const chosen = speedup === undefined ? undefined : "--speedup";
  const chooser = flags.preset === undefined ? chosen : "--preset";
  if (chooser !== undefined) {
    const both = chooser === "--preset" && chosen !== undefined;
    if (given || both || cache !== undefined)
      throw new UsageError(`Cannot use ${chooser} together with flags that describe a cache: it chooses one`);
    return undefined;
  }
  if (cache === false) {
    if (given) throw new UsageError("Cannot use --no-cache together with flags that describe a cache");
    return [{ kind: "off" }];
  }
  if (cache !== undefined) {
    if (given) throw new UsageError("Cannot use --cache together with flags that describe one: it is a whole policy");
    return cache;
  }
  if (!given) return undefined;
  if (fullSteps !== undefined) {
    if ([interval, center, power, quadratic].some((value) => value !== undefined)) {
      throw new UsageError(
        "Cannot use --full-steps together with --interval, --center, --power or --quadratic: it is a whole plan",
      );
    }
    return [{ kind: "listed", full: fullSteps, ...shared }];
  }
  const intervals = interval ?? [DEFAULT_INTERVAL];
  if (quadratic === true) {
    if (center !== undefined) throw new UsageError("Cannot use --quadratic together with --center");
    return intervals.map((n) => ({ kind: "quadratic", interval: n, power: power ?? QUADRATIC_POWER, ...shared }));
  }
  if (center !== undefined) {
    return intervals.map((n) => ({ kind: "centered", interval: n, center, power: power ?? DEFAULT_POWER, ...shared }));
  }
  if (power !== undefined) throw new UsageError("Cannot use --power without --center or --quadratic");
  return intervals.map((n) => ({ kind: "uniform", interval: n, ...shared }));
}
