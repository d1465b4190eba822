import type { PolicySummary } from "../analysis/policy-summary.ts";
import type { PolicyTimes } from "../analysis/times.ts";
import { axisOver, positionOn } from "./axis.ts";
import { element, escaped } from "./markup.ts";

const WIDTH = 1080;
const ROW = 26;
const NAME_WIDTH = 190;
const TOTAL_WIDTH = 70;
const FULL = "#0072b2";
const CACHED = "#b9d9ec";

/**
 * One row for each policy on one axis of time, as SVG: an evaluation is a block as wide as it took, dark where the whole
 * network ran.
 */
export function timeline(policies: readonly PolicySummary[], times: readonly PolicyTimes[]): string {
  const rows = policies.map(({ name, full }) => {
    const seconds = times.find((time) => time.name === name)?.evaluationSeconds ?? [];
    return { name, full: new Set(full), seconds, total: seconds.reduce((sum, value) => sum + value, 0) };
  });
  const axis = axisOver(
    rows.map(({ total }) => total),
    { fromZero: true, count: 8 },
  );
  const at = (seconds: number): number => positionOn(axis, seconds, NAME_WIDTH, WIDTH - TOTAL_WIDTH);
  const height = ROW * rows.length;
  const marks = axis.ticks.map(
    (tick) =>
      element("line", { x1: at(tick), x2: at(tick), y1: 0, y2: height + 4, class: "grid" }) +
      element("text", { x: at(tick), y: height + 18, "text-anchor": "middle" }, tick.toFixed(axis.digits)),
  );
  const drawn = rows.map(({ name, full, seconds, total }, row) => {
    let start = 0;
    const blocks = seconds.map((own, i) => {
      const x = at(start);
      start += own;
      const block = { x, y: row * ROW + 4, width: Math.max(0.5, at(start) - x - 0.6), height: ROW - 8 };
      const what = `${name}: evaluation ${i}, ${full.has(i) ? "full" : "cached"}, ${(1000 * own).toFixed(1)} ms per image`;
      return element("rect", { ...block, fill: full.has(i) ? FULL : CACHED }, element("title", {}, escaped(what)));
    });
    const y = row * ROW + ROW / 2 + 4;
    const label = element("text", { x: NAME_WIDTH - 8, y, "text-anchor": "end" }, escaped(name));
    return label + blocks.join("") + element("text", { x: at(total) + 6, y }, `${total.toPrecision(3)} s`);
  });
  const title = element(
    "text",
    { x: (NAME_WIDTH + WIDTH - TOTAL_WIDTH) / 2, y: height + 36, "text-anchor": "middle", class: "label" },
    "seconds per image, evaluation by evaluation (medians over batches)",
  );
  return element(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${height + 44}`, role: "img", "aria-label": "Evaluations of every policy over time" },
    [...marks, ...drawn, title].join(""),
  );
}

/** What the colours of a timeline mean. */
export const TIMELINE_LEGEND = [
  { color: FULL, label: "full evaluation: the whole network" },
  { color: CACHED, label: "cached evaluation: the deep part is reused" },
] as const;
