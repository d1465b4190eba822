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

/** Labels beside those points that are to have some, moved out of each other's way; a line leads from those that are further off. */
export function pointLabels(
  points: readonly PlacedPoint[],
  frame: Frame,
  labelled: readonly string[] = points.map(({ label }) => label),
): string[] {
  const taken: Box[] = points.map(({ px, py }) => ({ left: px - SYMBOL / 2, top: py - SYMBOL / 2, width: SYMBOL }));
  return points
    .filter(({ label }) => labelled.includes(label))
    .sort((a, b) => a.py - b.py)
    .map(({ px, py, label, style }) => {
      const width = label.length * LABEL_WIDTH;
      const places = candidates(px, py, width, frame);
      const free = places.find((candidate) => !taken.some((other) => overlaps(candidate, other)));
      const { left, top } = free ?? places[0] ?? { left: px + GAP, top: py - LABEL_HEIGHT / 2 };
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
