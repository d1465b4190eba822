import type { PolicySummary } from "../../../src/evaluation/analysis/policy-summary.ts";
import { type MeasureName, measureNamed } from "../../../src/evaluation/measures.ts";
import type { Interval } from "../../../src/evaluation/measuring/statistics.ts";
import { measuresOf } from "../../../src/evaluation/report/table.ts";
import {
  type Grid,
  measureOf,
  RIVALS,
  type Rival,
  SAMPLER_NAMES,
  SCHEDULES,
  type Schedule,
  tally,
  tallyText,
} from "./grid.ts";

/** A table in Markdown. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map((_, i) => (i === 0 ? "---" : "--:")), ...rows];
  return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** "+0.4" or "−0.6" */
export const signedText = (value: number, digits: number): string =>
  `${value > 0 ? "+" : ""}${value.toFixed(digits)}`.replace("-", "−");

/** "−0.6 [−1.1, −0.2]" */
export function changeText({ mean, low, high }: Interval, digits: number): string {
  const shown = (value: number): string => signedText(value, digits);
  return `${shown(mean)} [${shown(low)}, ${shown(high)}]`;
}

/** "38.7 ± 1.1": half the interval's width, where there is one. */
export function valueText(policy: PolicySummary, measure: MeasureName): string {
  const found = policy.measures[measure];
  if (found === undefined) return "";
  const { digits } = measureNamed(measure);
  const { mean, low, high } = found;
  if (low === undefined || high === undefined) return mean.toFixed(digits);
  return `${mean.toFixed(digits)} ± ${((high - low) / 2).toFixed(digits)}`;
}

/** Branches as rows and intervals as columns. */
export function byBranch(grid: Grid, cell: (interval: number, branch: number) => string): string {
  return markdownTable(
    ["branch", ...grid.intervals.map((interval) => `N = ${interval}`)],
    grid.branches.map((branch) => [`${branch}`, ...grid.intervals.map((interval) => cell(interval, branch))]),
  );
}

/** What uniform caches cost and how near to the baseline's their images are. */
export const costTable = (grid: Grid): string =>
  byBranch(grid, (interval, branch) => {
    const { fse, macs } = grid.at("uniform", interval, branch);
    return `${fse.toFixed(1)} (${(grid.baseline.macs / macs).toFixed(2)}×)`;
  });

/** A measure of one schedule at every interval and branch. */
export const measureTable = (grid: Grid, schedule: Schedule, measure: MeasureName): string =>
  byBranch(grid, (interval, branch) => valueText(grid.at(schedule, interval, branch), measure));

/** What a cache changes a measure by, at every interval and branch. */
export const changeTable = (grid: Grid, schedule: Schedule, measure: MeasureName): string =>
  byBranch(grid, (interval, branch) => {
    const { difference } = measureOf(grid.at(schedule, interval, branch), measure);
    return difference === undefined ? "" : changeText(difference, measureNamed(measure).digits);
  });

/** What the centered schedule gives more than the uniform one of the same cost. */
export const scheduleTable = (grid: Grid, measure: MeasureName): string =>
  byBranch(grid, (interval, branch) => {
    const outcome = grid.outcome(grid.at("centered", interval, branch), "uniform", measure);
    if (outcome === undefined) return "";
    const { mean, low = mean, high = mean } = outcome.difference;
    const text = changeText({ mean, low, high }, measureNamed(measure).digits);
    return outcome.result === "ties" ? text : `**${text}**`;
  });

/** The measures that verdicts are counted by. */
const COUNTED: readonly MeasureName[] = ["psnr", "ssim", "clip", "accuracy", "fd"];

/** Wins, ties and losses at equal compute over all branches and both schedules. */
export function verdictCounts(grid: Grid): string {
  const measures = measuresOf(grid.summary).filter((name) => COUNTED.includes(name));
  const rows = RIVALS.flatMap((rival) =>
    measures.map((measure) => [
      `${SAMPLER_NAMES[rival]}, ${measureNamed(measure).label}`,
      ...grid.intervals.map((interval) =>
        tallyText(
          tally(
            grid.branches.flatMap((branch) =>
              SCHEDULES.map((schedule) => grid.outcome(grid.at(schedule, interval, branch), rival, measure)),
            ),
          ),
        ),
      ),
    ]),
  );
  return markdownTable(["against fewer steps of", ...grid.intervals.map((interval) => `N = ${interval}`)], rows);
}

/** How uniform caches at one branch fare against every sampler, difference by difference. */
export function verdictTableAt(grid: Grid, branch: number, measures: readonly MeasureName[]): string {
  const rows = grid.intervals.flatMap((interval) => {
    const policy = grid.at("uniform", interval, branch);
    return RIVALS.map((rival) => [
      `\`${policy.name}\` against \`${nameOfRival(grid, policy, rival)}\``,
      ...measures.map((measure) => {
        const outcome = grid.outcome(policy, rival, measure);
        if (outcome === undefined) return "";
        const { mean, low = mean, high = mean } = outcome.difference;
        const text = changeText({ mean, low, high }, measureNamed(measure).digits);
        return outcome.result === "wins" ? `**${text}**` : outcome.result === "loses" ? `*${text}*` : text;
      }),
    ]);
  });
  return markdownTable(["", ...measures.map((measure) => measureNamed(measure).label)], rows);
}

function nameOfRival({ summary }: Grid, policy: PolicySummary, rival: Rival): string {
  const samplers = new Map(
    summary.policies.map(({ name, sampler, cache }) => [name, cache.kind === "off" ? sampler : ""]),
  );
  return policy.equalCompute.find(({ against }) => samplers.get(against) === rival)?.against ?? rival;
}

/** Every policy: what it costs and how good its images are. */
export function fullTable({ summary, baseline }: Grid): string {
  const measures = measuresOf(summary);
  const head = ["policy", "full", "FSE", "fewer operations", ...measures.map((name) => measureNamed(name).label)];
  const rows = summary.policies.map((policy) => [
    `\`${policy.name}\``,
    `${policy.full.length} of ${policy.evaluations}`,
    policy.fse.toFixed(1),
    `${(baseline.macs / policy.macs).toFixed(2)}×`,
    ...measures.map((name) => valueText(policy, name)),
  ]);
  return markdownTable(head, rows);
}
