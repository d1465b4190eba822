import type { MeasureSummary, Summary } from "../../src/evaluation/analysis/policy-summary.ts";
import type { PolicyTimes } from "../../src/evaluation/analysis/times.ts";
import { verdictText } from "../../src/evaluation/analysis/verdicts.ts";
import { measureNamed } from "../../src/evaluation/measures.ts";
import { measuresOf } from "../../src/evaluation/report/table.ts";

/** Times of an evaluation, and what they were measured on. */
export interface MeasuredTimes {
  readonly machine: string;
  readonly policies: readonly PolicyTimes[];
}

/** The table of quality, with measured speed-ups where there are times. */
export function qualityTable(summary: Summary, times?: MeasuredTimes): string {
  const measures = measuresOf(summary);
  const judged = summary.policies.some(({ equalCompute }) => equalCompute.length > 0);
  const head = [
    "policy",
    "full evaluations",
    "FSE",
    ...(times === undefined ? [] : ["speed-up"]),
    ...measures.map((name) => {
      const { label, unit } = measureNamed(name);
      return unit === "" ? label : `${label} (${unit})`;
    }),
    ...(judged ? ["at equal compute"] : []),
  ];
  const rows = summary.policies.map((policy) => [
    `\`${policy.name}\``,
    `${policy.full.length} of ${policy.evaluations}`,
    policy.fse.toFixed(1),
    ...(times === undefined ? [] : [speedupText(times, policy.name)]),
    ...measures.map((name) => valueText(policy.measures[name], measureNamed(name).digits)),
    ...(judged ? [verdictText(policy)] : []),
  ]);
  const table = [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
  const changes = measures.some((name) => summary.policies.some(({ measures: own }) => own[name]?.difference));
  const note = changes ? ", in brackets the change from the baseline, paired image by image" : "";
  return `${summary.images} images per policy; ± is half the 95 % interval${note}.${measuredOn(times)}\n\n${table}`;
}

const measuredOn = (times: MeasuredTimes | undefined): string =>
  times === undefined ? "" : ` Speed-ups of denoising, medians over batches in turn, on ${times.machine}.`;

function speedupText({ policies }: MeasuredTimes, policy: string): string {
  const speedup = policies.find(({ name }) => name === policy)?.speedup;
  return speedup === undefined ? "" : `${speedup.toFixed(2)}×`;
}

/** "32.4 ± 0.6"; or, where a baseline has the measure as well, "90.9 (−0.6 ± 0.4)": the change is paired. */
function valueText(summary: MeasureSummary | undefined, digits: number): string {
  if (summary === undefined) return "";
  const { mean, low, high, difference } = summary;
  const text = mean.toFixed(digits);
  if (difference !== undefined) return `${text} (${signed(difference.mean, digits)} ${reach(difference, digits)})`;
  return low === undefined || high === undefined ? text : `${text} ${reach({ low, high }, digits)}`;
}

const signed = (value: number, digits: number): string =>
  `${value > 0 ? "+" : ""}${value.toFixed(digits)}`.replace("-", "−");

const reach = ({ low, high }: { readonly low: number; readonly high: number }, digits: number): string =>
  `± ${((high - low) / 2).toFixed(digits)}`;
