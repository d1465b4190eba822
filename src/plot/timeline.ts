import { axisOver, positionOn } from "./axis.ts";
import { element, escaped } from "./markup.ts";

const ROW = 26;
const TOTAL_WIDTH = 70;
const FULL = "#0072b2";
const CACHED = "#b9d9ec";

/** A run whose evaluations are drawn. */
export interface PlannedEvaluations {
  readonly name: string;
  /** Those on which the whole network ran, counted from 0. */
  readonly full: readonly number[];
}

/** What the evaluations of the run with this name took. */
export interface TimedEvaluations {
  readonly name: string;
  readonly evaluationSeconds: readonly number[];
}

/** How a timeline is drawn. */
export interface TimelineOptions {
  /** In pixels. */
  readonly width?: number;
  /** Of the names of rows. */
  readonly nameWidth?: number;
  /** Fills of blocks. */
  readonly colors?: { readonly full: string; readonly cached: string };
  readonly label?: string;
  readonly title?: string;
}

/**
 * One row for each policy on one axis of time, as SVG: an evaluation is a block as wide as it took, dark where the whole
 * network ran.
 */
export function timeline(
  policies: readonly PlannedEvaluations[],
  times: readonly TimedEvaluations[],
  {
    width = 1080,
    nameWidth = 190,
    colors = { full: FULL, cached: CACHED },
    label: ariaLabel = "Evaluations of every policy over time",
    title: titleText = "seconds per image, evaluation by evaluation (medians over batches)",
  }: TimelineOptions = {},
): string {
  const rows = policies.map(({ name, full }) => {
    const seconds = times.find((time) => time.name === name)?.evaluationSeconds ?? [];
    return { name, full: new Set(full), seconds, total: seconds.reduce((sum, value) => sum + value, 0) };
  });
  const axis = axisOver(
    rows.map(({ total }) => total),
    { fromZero: true, count: Math.min(8, Math.floor(width / 70)) },
  );
  const at = (seconds: number): number => positionOn(axis, seconds, nameWidth, width - TOTAL_WIDTH);
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
      return element(
        "rect",
        { ...block, fill: full.has(i) ? colors.full : colors.cached },
        element("title", {}, escaped(what)),
      );
    });
    const y = row * ROW + ROW / 2 + 4;
    const label = element("text", { x: nameWidth - 8, y, "text-anchor": "end" }, escaped(name));
    return label + blocks.join("") + element("text", { x: at(total) + 6, y }, `${total.toPrecision(3)} s`);
  });
  const title = element(
    "text",
    { x: (nameWidth + width - TOTAL_WIDTH) / 2, y: height + 36, "text-anchor": "middle", class: "label" },
    titleText,
  );
  return element(
    "svg",
    { viewBox: `0 0 ${width} ${height + 44}`, role: "img", "aria-label": ariaLabel },
    [...marks, ...drawn, title].join(""),
  );
}

/** What the colours of a timeline mean. */
export const TIMELINE_LEGEND = [
  { color: FULL, label: "full evaluation: the whole network" },
  { color: CACHED, label: "cached evaluation: the deep part is reused" },
] as const;
