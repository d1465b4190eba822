import type {
  MeasureSummary,
  Outcome,
  PolicySummary,
  Summary,
} from "../../../src/evaluation/analysis/policy-summary.ts";
import type { MeasureName } from "../../../src/evaluation/measures.ts";

/** The paper's two schedules; the non-uniform one as its Stable Diffusion code has it, around 15 with power 1.4. */
export type Schedule = "uniform" | "centered";
export const SCHEDULES: readonly Schedule[] = ["uniform", "centered"];
const [CENTER, POWER] = [15, 1.4];

/** What a cache is set beside at equal compute: fewer steps of a sampler, or the uniform cache of the same cost. */
export const RIVALS = ["pndm", "ddim", "dpmpp-2m"] as const;
export type Rival = (typeof RIVALS)[number] | "uniform";

/** Names of samplers for readers. */
export const SAMPLER_NAMES = { pndm: "PNDM", ddim: "DDIM", "dpmpp-2m": "DPM-Solver++ (2M)" } as const;

/** An evaluation of both schedules at every interval and branch. */
export interface Grid {
  readonly summary: Summary;
  readonly baseline: PolicySummary;
  readonly intervals: readonly number[];
  readonly branches: readonly number[];
  at(schedule: Schedule, interval: number, branch: number): PolicySummary;
  /** The verdict of a policy against one of its rivals; none where that is not there. */
  outcome(policy: PolicySummary, rival: Rival, measure: MeasureName): Outcome | undefined;
}

/** Finds the paper's policies among those of an evaluation; refuses one that lacks any. */
export function gridOf(summary: Summary): Grid {
  const baseline = summary.policies.find(({ name }) => name === summary.baseline);
  if (baseline === undefined) throw new RangeError("Cannot tell findings: the evaluation has no baseline");
  const byName = new Map(summary.policies.map((policy) => [policy.name, policy]));
  const cells = new Map<string, PolicySummary>();
  const intervals = new Set<number>();
  const branches = new Set<number>();
  for (const policy of summary.policies) {
    const { cache } = policy;
    const isCentered = cache.kind === "centered" && cache.center === CENTER && cache.power === POWER;
    if (cache.kind !== "uniform" && !isCentered) continue;
    intervals.add(cache.interval);
    branches.add(cache.branch);
    cells.set(keyOf(isCentered ? "centered" : "uniform", cache.interval, cache.branch), policy);
  }
  return {
    summary,
    baseline,
    intervals: [...intervals].sort((a, b) => a - b),
    branches: [...branches].sort((a, b) => a - b),
    at(schedule, interval, branch) {
      const policy = cells.get(keyOf(schedule, interval, branch));
      if (policy === undefined) {
        throw new RangeError(`Cannot tell findings: no ${schedule} cache of interval ${interval} at branch ${branch}`);
      }
      return policy;
    },
    outcome({ equalCompute }, rival, measure) {
      const verdict = equalCompute.find(({ against }) => {
        const other = byName.get(against);
        return other?.cache.kind === "uniform" ? rival === "uniform" : other?.sampler === rival;
      });
      return verdict?.measures[measure];
    },
  };
}

const keyOf = (schedule: Schedule, interval: number, branch: number): string => `${schedule} ${interval} ${branch}`;

/** A measure that a policy must have. */
export function measureOf({ name, measures }: PolicySummary, measure: MeasureName): MeasureSummary {
  const found = measures[measure];
  if (found === undefined) throw new RangeError(`Cannot tell findings: "${name}" has no ${measure}`);
  return found;
}

/** How often a result is a win, a tie and a loss. */
export interface Tally {
  readonly wins: number;
  readonly ties: number;
  readonly loses: number;
}

/** Counts verdicts; those that are missing count nowhere. */
export function tally(outcomes: readonly (Outcome | undefined)[]): Tally {
  const count = (result: Outcome["result"]): number => outcomes.filter((outcome) => outcome?.result === result).length;
  return { wins: count("wins"), ties: count("ties"), loses: count("loses") };
}

/** "3 / 0 / 6" */
export const tallyText = ({ wins, ties, loses }: Tally): string => `${wins} / ${ties} / ${loses}`;

/** "3 better, 0 undecided, 6 worse" */
export const wordsOf = ({ wins, ties, loses }: Tally): string => `${wins} better, ${ties} undecided, ${loses} worse`;
