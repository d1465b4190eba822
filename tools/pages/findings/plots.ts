import type { PolicySummary } from "../../../src/evaluation/analysis/policy-summary.ts";
import { type MeasureName, measureNamed } from "../../../src/evaluation/measures.ts";
import { DRAWING_CSS } from "../../../src/evaluation/report/style.ts";
import type { Style } from "../../../src/plot/colors.ts";
import { type Point, scatter } from "../../../src/plot/scatter.ts";
import { type Grid, measureOf, RIVALS, SAMPLER_NAMES, type Schedule } from "./grid.ts";

/** Samplers without a cache, in colours of Okabe and Ito that the caches do not use. */
const RIVAL_STYLES = {
  pndm: { color: "#999999", shape: "diamond" },
  ddim: { color: "#d55e00", shape: "diamond" },
  "dpmpp-2m": { color: "#cc79a7", shape: "diamond" },
} as const satisfies Readonly<Record<(typeof RIVALS)[number], Style>>;

const SCHEDULE_STYLES = {
  uniform: { color: "#0072b2", shape: "circle" },
  centered: { color: "#009e73", shape: "triangle" },
} as const satisfies Readonly<Record<Schedule, Style>>;

/** A plot of the page. */
export interface FindingsPlot {
  readonly measure: MeasureName;
  readonly schedule: Schedule;
  readonly branches: readonly number[];
  /** Samplers that are left out, because they would leave the others no room. */
  readonly without?: readonly string[];
}

/** A measure, or what changes of it, over compute as a file of SVG: one schedule's caches, a line for each branch, and runs of fewer steps. */
export function findingsPlot(grid: Grid, { measure, schedule, branches, without = [] }: FindingsPlot): string {
  const { label, unit, better } = measureNamed(measure);
  const point = (policy: PolicySummary, text: string, style: Style, series: string): Point => {
    const found = measureOf(policy, measure);
    const { mean: y, low, high } = found.difference ?? found;
    return { label: text, x: policy.fse, y, low, high, style, series };
  };
  const rivals = RIVALS.filter((rival) => !without.includes(rival)).flatMap((rival) => {
    const runs = grid.summary.policies.filter((policy) => policy.cache.kind === "off" && policy.sampler === rival);
    const shown = runs.filter(({ name }) => name !== grid.baseline.name);
    return shown.map((policy, i) =>
      point(policy, i === 0 ? SAMPLER_NAMES[rival] : policy.name, RIVAL_STYLES[rival], rival),
    );
  });
  const caches = branches.flatMap((branch) =>
    grid.intervals.map((interval) =>
      point(
        grid.at(schedule, interval, branch),
        `N=${interval}, b${branch}`,
        SCHEDULE_STYLES[schedule],
        `branch ${branch}`,
      ),
    ),
  );
  const samplers = Object.values(SAMPLER_NAMES) as readonly string[];
  const named = [...rivals.filter((own) => samplers.includes(own.label)), ...caches].map((own) => own.label);
  const isChange = grid.summary.policies.some(({ measures }) => measures[measure]?.difference !== undefined);
  const drawn = scatter([...rivals, ...caches], {
    title: `${label}: ${schedule} caches and fewer steps`,
    xLabel: `full-step equivalents per image (without a cache: ${grid.baseline.fse.toFixed(0)})`,
    yLabel: isChange ? `change of ${label}` : unit === "" ? label : `${label} in ${unit}`,
    better,
    labelled: named,
  });
  return standalone(drawn);
}

/** A drawing with the report's looks inside and a white ground, so that it stands alone. */
function standalone(svg: string): string {
  const ground = `<style>${DRAWING_CSS}</style><rect width="100%" height="100%" fill="#fff"/>`;
  return `${svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ').replace(">", `>${ground}`)}\n`;
}
