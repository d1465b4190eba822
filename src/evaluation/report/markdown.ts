import { verdictText } from "../equal-compute.ts";
import { measureNamed } from "../measures.ts";
import type { MeasureSummary, Summary } from "../summary.ts";
import { measuresOf } from "./table.ts";

/** The quality table of a README: what does not depend on the machine. */
export function qualityTable(summary: Summary): string {
  const measures = measuresOf(summary);
  const judged = summary.policies.some(({ equalCompute }) => equalCompute.length > 0);
  const head = [
    "policy",
    "full evaluations",
    "FSE",
    ...measures.map((name) => {
      const { label, unit } = measureNamed(name);
      return unit === "" ? label : `${label} (${unit})`;
    }),
    ...(judged ? ["against fewer steps"] : []),
  ];
  const rows = summary.policies.map((policy) => [
    `\`${policy.name}\``,
    `${policy.full.length} of ${policy.evaluations}`,
    policy.fse.toFixed(1),
    ...measures.map((name) => valueText(policy.measures[name], measureNamed(name).digits)),
    ...(judged ? [verdictText(policy)] : []),
  ]);
  const table = [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
  return `${summary.images} images per policy; ± is half the 95 % interval.\n\n${table}`;
}

/** "32.4 ± 0.6", with half the width of the interval. */
function valueText(summary: MeasureSummary | undefined, digits: number): string {
  if (summary === undefined) return "";
  const { mean, low, high } = summary;
  if (low === undefined || high === undefined) return mean.toFixed(digits);
  return `${mean.toFixed(digits)} ± ${((high - low) / 2).toFixed(digits)}`;
}
