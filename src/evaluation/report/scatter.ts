import { type Axis, axisOver, positionOn } from "./axis.ts";
import type { Style } from "./colors.ts";
import { element, escaped } from "./markup.ts";

/** One policy in a plot. */
export interface Point {
  readonly label: string;
  readonly x: number;
  readonly y: number;
  /** Ends of the vertical bar. */
  readonly low?: number | undefined;
  readonly high?: number | undefined;
  readonly style: Style;
}

/** What a plot shows. */
export interface ScatterOptions {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  readonly better: "higher" | "lower";
  /** What the baseline costs, marked where it has no point of its own. */
  readonly original?: number | undefined;
}

const WIDTH = 520;
const HEIGHT = 340;
const FRAME = { left: 64, right: 16, top: 34, bottom: 56 } as const;
const RIGHT = WIDTH - FRAME.right;
const BOTTOM = HEIGHT - FRAME.bottom;
const LABEL_HEIGHT = 12;
/** Of a character of a label, on average. */
const LABEL_WIDTH = 6.5;

/**
 * Quality over cost as SVG: the horizontal axis begins at 0, both are linear, and the line joins the points that none
 * beats in both (the Pareto front).
 */
export function scatter(points: readonly Point[], { title, xLabel, yLabel, better, original }: ScatterOptions): string {
  const across = axisOver([...points.map(({ x }) => x), ...(original === undefined ? [] : [original])], {
    fromZero: true,
  });
  const up = axisOver(points.flatMap(({ y, low = y, high = y }) => [y, low, high]));
  const place = (point: Point) => ({
    ...point,
    px: positionOn(across, point.x, FRAME.left, RIGHT),
    py: positionOn(up, point.y, BOTTOM, FRAME.top),
  });
  const placed = points.map(place);
  const front = paretoFront(points, better).map(place);
  const line = front.map(({ px, py }) => `${px.toFixed(1)},${py.toFixed(1)}`).join(" ");
  const bars = placed.flatMap(({ px, low, high, style }) =>
    low === undefined || high === undefined
      ? []
      : element("line", {
          ...{ x1: px, x2: px, stroke: style.color, "stroke-width": 1.5, opacity: 0.6 },
          y1: positionOn(up, low, BOTTOM, FRAME.top),
          y2: positionOn(up, high, BOTTOM, FRAME.top),
        }),
  );
  const note = up.low > 0 ? `the vertical axis begins at ${up.low.toFixed(up.digits)}` : "";
  return element(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": title },
    [
      text(WIDTH / 2, 16, title, { "text-anchor": "middle", class: "title" }),
      ...horizontalAxis(across, xLabel),
      ...verticalAxis(up, `${yLabel} (${better} is better)`),
      text(FRAME.left, HEIGHT - 4, note, { class: "note" }),
      element("polyline", { points: line, fill: "none", stroke: "#999", "stroke-dasharray": "4 3" }),
      ...originalLine(across, original),
      ...bars,
      ...placed.map(({ px, py, style, label }) =>
        element("g", {}, element("title", {}, escaped(label)) + marker(px, py, style)),
      ),
      ...labels(placed),
    ].join(""),
  );
}

function originalLine(across: Axis, original: number | undefined): string[] {
  if (original === undefined) return [];
  const x = positionOn(across, original, FRAME.left, RIGHT);
  return [element("line", { x1: x, x2: x, y1: FRAME.top, y2: BOTTOM, stroke: "#222", "stroke-dasharray": "1 4" })];
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

function text(x: number, y: number, content: string, attributes: Readonly<Record<string, string>> = {}): string {
  return element("text", { x, y, ...attributes }, escaped(content));
}

function horizontalAxis({ ticks, digits, ...axis }: Axis, label: string): string[] {
  const marks = ticks.flatMap((tick) => {
    const x = positionOn({ ticks, digits, ...axis }, tick, FRAME.left, RIGHT);
    return [
      element("line", { x1: x, x2: x, y1: FRAME.top, y2: BOTTOM, class: "grid" }),
      text(x, BOTTOM + 14, tick.toFixed(digits), { "text-anchor": "middle" }),
    ];
  });
  return [...marks, text((FRAME.left + RIGHT) / 2, BOTTOM + 30, label, { "text-anchor": "middle", class: "label" })];
}

function verticalAxis({ ticks, digits, ...axis }: Axis, label: string): string[] {
  const marks = ticks.flatMap((tick) => {
    const y = positionOn({ ticks, digits, ...axis }, tick, BOTTOM, FRAME.top);
    return [
      element("line", { x1: FRAME.left, x2: RIGHT, y1: y, y2: y, class: "grid" }),
      text(FRAME.left - 6, y + 4, tick.toFixed(digits), { "text-anchor": "end" }),
    ];
  });
  const middle = (FRAME.top + BOTTOM) / 2;
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

interface Placed extends Point {
  readonly px: number;
  readonly py: number;
}

interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
}

/** Labels beside their points, moved out of each other's way. */
function labels(points: readonly Placed[]): string[] {
  const taken: Box[] = points.map(({ px, py }) => ({ left: px - 6, top: py - 6, width: 12 }));
  return [...points]
    .sort((a, b) => a.py - b.py)
    .map(({ px, py, label, style }) => {
      const width = label.length * LABEL_WIDTH;
      const box = candidates(px, py, width).find((candidate) => !taken.some((other) => overlaps(candidate, other)));
      const { left, top } = box ?? { left: px + 9, top: py - 6 };
      taken.push({ left, top, width });
      const placed = left < px ? { x: left + width, anchor: "end" } : { x: left, anchor: "start" };
      return text(placed.x, top + 10, label, { fill: style.color, "text-anchor": placed.anchor, class: "point" });
    });
}

/** Places to try: right and left of the point, then further and further above and below. */
function candidates(px: number, py: number, width: number): Box[] {
  const rows = [0, -1, 1, -2, 2, -3, 3, -4, 4].map((row) => py - 6 + row * LABEL_HEIGHT);
  return rows
    .flatMap((top) => [
      { left: px + 9, top, width },
      { left: px - 9 - width, top, width },
    ])
    .filter(({ left, top }) => left > FRAME.left && left + width < WIDTH && top > FRAME.top - 12 && top < BOTTOM);
}

const overlaps = (a: Box, b: Box): boolean =>
  a.left < b.left + b.width &&
  b.left < a.left + a.width &&
  a.top < b.top + LABEL_HEIGHT &&
  b.top < a.top + LABEL_HEIGHT;
