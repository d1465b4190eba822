import type { Style } from "./colors.ts";
import type { Frame } from "./frame.ts";
import { element, text } from "./markup.ts";

/** A point where it is drawn. */
export interface PlacedPoint {
  readonly label: string;
  readonly px: number;
  readonly py: number;
  readonly style: Style;
}

interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
}

const LABEL_HEIGHT = 12;
/** Of a character of a label, on average. */
const LABEL_WIDTH = 6.5;
/** Between a point and its label. */
const GAP = 9;
/** Of a point's symbol. */
const SYMBOL = 12;

/** A straight line of the plot. */
export type Segment = readonly [from: At, to: At];
type At = Pick<PlacedPoint, "px" | "py">;

/** What is labelled, and what labels keep off. */
export interface LabelOptions {
  /** The points that have a label; all where left out. */
  readonly labelled?: readonly string[] | undefined;
  readonly lines?: readonly Segment[] | undefined;
}

/**
 * Labels beside points, moved out of each other's way, and off lines where there is a place for that; a line leads from those
 * that are further off. One without any place is left out: its point says its name by itself.
 */
export function pointLabels(
  points: readonly PlacedPoint[],
  frame: Frame,
  { labelled = points.map(({ label }) => label), lines = [] }: LabelOptions = {},
): string[] {
  const taken: Box[] = points.map(({ px, py }) => ({ left: px - SYMBOL / 2, top: py - SYMBOL / 2, width: SYMBOL }));
  return points
    .filter(({ label }) => labelled.includes(label))
    .sort((a, b) => a.py - b.py)
    .flatMap(({ px, py, label, style }) => {
      const width = label.length * LABEL_WIDTH;
      const free = candidates(px, py, width, frame).filter(
        (candidate) => !taken.some((other) => overlaps(candidate, other)),
      );
      const place = free.find((candidate) => !lines.some((line) => crosses(line, candidate))) ?? free[0];
      if (place === undefined) return [];
      const { left, top } = place;
      taken.push({ left, top, width });
      const placed = left < px ? { x: left + width, anchor: "end" } : { x: left, anchor: "start" };
      const middle = top + LABEL_HEIGHT / 2;
      const lead = { x1: px, y1: py, x2: placed.x, y2: middle, stroke: style.color, "stroke-width": 0.5 };
      const line = Math.abs(middle - py) < LABEL_HEIGHT ? "" : element("line", lead);
      return (
        line + text(placed.x, top + 10, label, { fill: style.color, "text-anchor": placed.anchor, class: "point" })
      );
    });
}

/** In rows away from the point. */
const TRIED = [0, -1, 1, -2, 2, -3, 3, -4, 4, -5, 5, -6, 6];

/** Places to try: right and left of the point, then further and further above and below. */
function candidates(px: number, py: number, width: number, frame: Frame): Box[] {
  return TRIED.flatMap((row) => {
    const top = py + (row - 0.5) * LABEL_HEIGHT;
    const gap = GAP + 4 * Math.abs(row);
    return [
      { left: px + gap, top, width },
      { left: px - gap - width, top, width },
    ];
  }).filter(
    ({ left, top }) =>
      left > frame.left && left + width < frame.width && top > frame.top - LABEL_HEIGHT && top < frame.bottom,
  );
}

const overlaps = (a: Box, b: Box): boolean =>
  a.left < b.left + b.width &&
  b.left < a.left + a.width &&
  a.top < b.top + LABEL_HEIGHT &&
  b.top < a.top + LABEL_HEIGHT;

/** Whether a line goes through a box: what is left of it between the sides of the box, one after the other. */
function crosses([from, to]: Segment, { left, top, width }: Box): boolean {
  const [dx, dy] = [to.px - from.px, to.py - from.py];
  let [begin, end] = [0, 1];
  for (const [step, room] of [
    [-dx, from.px - left],
    [dx, left + width - from.px],
    [-dy, from.py - top],
    [dy, top + LABEL_HEIGHT - from.py],
  ] as const) {
    if (step === 0 && room < 0) return false;
    if (step < 0) begin = Math.max(begin, room / step);
    else if (step > 0) end = Math.min(end, room / step);
  }
  return begin < end;
}
