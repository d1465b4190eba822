import { type Axis, axisOver, positionOn } from "./axis.ts";
import type { Style } from "./colors.ts";
import { type Frame, frameOf } from "./frame.ts";
import { element, escaped, text } from "./markup.ts";
import { pointLabels, type Segment } from "./point-labels.ts";

/** One policy in a plot. */
export interface Point {
  readonly label: string;
  readonly x: number;
  readonly y: number;
  /** Ends of the vertical bar. */
  readonly low?: number | undefined;
  readonly high?: number | undefined;
  readonly style: Style;
  /** Points of one series are joined, in the order of their costs. */
  readonly series?: string | undefined;
  /** What a page that shows the plot knows it by. */
  readonly id?: string | undefined;
  /** Whether it is there to compare with only: it is neither labelled nor on the front. */
  readonly background?: boolean | undefined;
}

/** What a plot shows. */
export interface ScatterOptions {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly better: "higher" | "lower";
  /** What the baseline costs, marked where it has no point of its own. */
  readonly original?: number | undefined;
  /** The points that are labelled; where there are many points the best and the first of each series, else all. */
  readonly labelled?: readonly string[] | undefined;
  /** The size of the plot; by the number of its points where left out. */
  readonly frame?: Frame | undefined;
}

/** Of more points than this only those on the front and the cheapest of every series are labelled. */
const MOST_LABELLED = 24;

/**
 * Quality over cost as SVG: the horizontal axis begins at 0, both are linear, and the line joins the points that none
 * beats in both (the Pareto front).
 */
export function scatter(points: readonly Point[], options: ScatterOptions): string {
  const { title, xLabel, yLabel, better, original } = options;
  const { frame = frameOf(points.length) } = options;
  const own = points.filter(({ background }) => background !== true);
  const across = axisOver([...points.map(({ x }) => x), ...(original === undefined ? [] : [original])], {
    fromZero: true,
  });
  const up = axisOver(points.flatMap(({ y, low = y, high = y }) => [y, low, high]));
  const place = (point: Point) => ({
    ...point,
    px: positionOn(across, point.x, frame.left, frame.right),
    py: positionOn(up, point.y, frame.bottom, frame.top),
  });
  const placed = points.map(place);
  const front = paretoFront(own, better).map(place);
  const line = front.map(({ px, py }) => `${px.toFixed(1)},${py.toFixed(1)}`).join(" ");
  const bars = placed.flatMap(({ px, low, high, style }) =>
    low === undefined || high === undefined
      ? []
      : element("line", {
          x1: px,
          x2: px,
          stroke: style.color,
          "stroke-width": 1.5,
          opacity: 0.6,
          y1: positionOn(up, low, frame.bottom, frame.top),
          y2: positionOn(up, high, frame.bottom, frame.top),
        }),
  );
  const worthy = own.length > MOST_LABELLED ? [...front, ...cheapest(own)] : own;
  const named = options.labelled ?? worthy.map(({ label }) => label);
  const note = up.low > 0 ? `the vertical axis begins at ${up.low.toFixed(up.digits)}` : "";
  return element(
    "svg",
    { viewBox: `0 0 ${frame.width} ${frame.height}`, role: "img", "aria-label": title },
    [
      text(frame.width / 2, 16, title, { "text-anchor": "middle", class: "title" }),
      ...horizontalAxis(across, xLabel, frame),
      ...verticalAxis(up, `${yLabel} (${better} is better)`, frame),
      text(frame.left, frame.height - 4, note, { class: "note" }),
      element("polyline", { points: line, fill: "none", stroke: "#999", "stroke-dasharray": "4 3" }),
      ...seriesLines(placed),
      ...originalLine(across, original, frame),
      ...bars,
      ...placed.map(({ px, py, style, label, id }) =>
        element("g", { "data-point": id }, element("title", {}, escaped(label)) + marker(px, py, style)),
      ),
      ...pointLabels(placed, frame, { labelled: named, lines: [...segments(front), ...seriesSegments(placed)] }),
    ].join(""),
  );
}

/** The cheapest point of every series. */
function cheapest(points: readonly Point[]): Point[] {
  const first = new Map<string, Point>();
  for (const point of points) {
    const { series, x } = point;
    if (series !== undefined && x < (first.get(series)?.x ?? Number.POSITIVE_INFINITY)) first.set(series, point);
  }
  return [...first.values()];
}

type Placed = Point & { readonly px: number; readonly py: number };

/** The points of every series, by what they cost. */
function seriesOf(placed: readonly Placed[]): readonly (readonly Placed[])[] {
  const names = new Set(placed.flatMap(({ series }) => series ?? []));
  return [...names].map((name) => placed.filter(({ series }) => series === name).sort((a, b) => a.px - b.px));
}

/** The lines from each point to the next. */
const segments = (points: readonly Placed[]): readonly Segment[] =>
  points.slice(1).map((to, i) => [points[i] as Placed, to] as const);

const seriesSegments = (placed: readonly Placed[]): readonly Segment[] => seriesOf(placed).flatMap(segments);

/** A thin line through the points of every series. */
function seriesLines(placed: readonly Placed[]): string[] {
  return seriesOf(placed).map((own) => {
    const line = own.map(({ px, py }) => `${px.toFixed(1)},${py.toFixed(1)}`).join(" ");
    const looks = { fill: "none", stroke: own[0]?.style.color, "stroke-width": 1, opacity: 0.45 };
    return element("polyline", { points: line, ...looks });
  });
}

function originalLine(across: Axis, original: number | undefined, { left, right, top, bottom }: Frame): string[] {
  if (original === undefined) return [];
  const x = positionOn(across, original, left, right);
  return [element("line", { x1: x, x2: x, y1: top, y2: bottom, stroke: "#222", "stroke-dasharray": "1 4" })];
}

/** The points that no other beats in both cost and quality, by cost. */
export function paretoFront<T extends { readonly x: number; readonly y: number }>(
  points: readonly T[],
  better: "higher" | "lower",
): T[] {
  const sign = better === "higher" ? 1 : -1;
  const sorted = points.filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y));
  sorted.sort((a, b) => a.x - b.x || sign * (b.y - a.y));
  let best = Number.NEGATIVE_INFINITY;
  return sorted.filter(({ y }) => {
    const isBetter = sign * y > best;
    if (isBetter) best = sign * y;
    return isBetter;
  });
}

function horizontalAxis(axis: Axis, label: string, { left, right, top, bottom }: Frame): string[] {
  const marks = axis.ticks.flatMap((tick) => {
    const x = positionOn(axis, tick, left, right);
    return [
      element("line", { x1: x, x2: x, y1: top, y2: bottom, class: "grid" }),
      text(x, bottom + 14, tick.toFixed(axis.digits), { "text-anchor": "middle" }),
    ];
  });
  return [...marks, text((left + right) / 2, bottom + 30, label, { "text-anchor": "middle", class: "label" })];
}

function verticalAxis(axis: Axis, label: string, { left, right, top, bottom }: Frame): string[] {
  const marks = axis.ticks.flatMap((tick) => {
    const y = positionOn(axis, tick, bottom, top);
    return [
      element("line", { x1: left, x2: right, y1: y, y2: y, class: "grid" }),
      text(left - 6, y + 4, tick.toFixed(axis.digits), { "text-anchor": "end" }),
    ];
  });
  const middle = (top + bottom) / 2;
  const turned = { "text-anchor": "middle", class: "label", transform: `rotate(-90 14 ${middle})` };
  return [...marks, text(14, middle, label, turned)];
}

/** A symbol at a point. */
export function marker(x: number, y: number, { color, shape }: Style, size = 5): string {
  const fill = { fill: color, stroke: "#fff", "stroke-width": 1 };
  switch (shape) {
    case "circle":
      return element("circle", { cx: x, cy: y, r: size, ...fill });
    case "square":
      return element("rect", { x: x - size, y: y - size, width: 2 * size, height: 2 * size, ...fill });
    case "diamond":
      return polygon([x, y - size - 1, x + size + 1, y, x, y + size + 1, x - size - 1, y], fill);
    case "triangle":
      return polygon([x, y - size - 1, x + size + 1, y + size, x - size - 1, y + size], fill);
  }
}

const polygon = (points: readonly number[], attributes: Readonly<Record<string, string | number>>): string =>
  element("polygon", { points: points.map((value) => value.toFixed(1)).join(" "), ...attributes });
