import type { Command } from "commander";
import type { CachePolicy } from "../deepcache/policy.ts";
import { parseList, parseNumber, parseWhole, UsageError } from "./usage.ts";

export interface CacheFlags {
  readonly interval?: number;
  readonly branch?: number;
  readonly center?: number;
  readonly power?: number;
  readonly fullSteps?: readonly number[];
  /** commander sets this to false for --no-cache. */
  readonly cache?: boolean;
}

/** The plug-in's documented setting (cache_interval=3, cache_branch_id=0). */
export const DEFAULT_INTERVAL = 3;
/** The power of the reference's own example. */
const DEFAULT_POWER = 1.4;

/** Adds the flags that choose when the deep part of the U-Net runs. */
export function addCacheFlags(command: Command): Command {
  return command
    .option("--interval <n>", "run the whole U-Net on every n-th evaluation only", (text) =>
      parseWhole("--interval", text, 1),
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
    .option("--full-steps <list>", "the full evaluations themselves, such as 0,10,20", (text) =>
      parseList("--full-steps", text),
    )
    .option("--no-cache", "run the whole U-Net on every evaluation");
}

/** The policy that the flags describe; `fallback` where they say nothing. */
export function policyOf(flags: CacheFlags, fallback: CachePolicy): CachePolicy {
  const { interval, branch, center, power, fullSteps, cache } = flags;
  const given = [interval, branch, center, power, fullSteps].some((value) => value !== undefined);
  if (cache === false) {
    if (given)
      throw new UsageError(
        "Cannot use --no-cache together with --interval, --branch, --center, --power or --full-steps",
      );
    return { kind: "off" };
  }
  if (!given) return fallback;
  if (fullSteps !== undefined) {
    if (interval !== undefined || center !== undefined || power !== undefined) {
      throw new UsageError("Cannot use --full-steps together with --interval, --center or --power: it is a whole plan");
    }
    return { kind: "steps", full: fullSteps, branch: branch ?? 0 };
  }
  const common = { interval: interval ?? DEFAULT_INTERVAL, branch: branch ?? 0 };
  if (center === undefined) {
    if (power !== undefined) throw new UsageError("Cannot use --power without --center");
    return { kind: "uniform", ...common };
  }
  return { kind: "centered", ...common, center, power: power ?? DEFAULT_POWER };
}
