import { plainImage, type RgbImage } from "../rgb-image.ts";

/** Where edges begin and where they may go on, as sums of the gradient's parts in levels. */
export interface CannyThresholds {
  readonly low: number;
  readonly high: number;
}

/** As ControlNets for edges were mostly trained and are shown. */
export const CANNY_THRESHOLDS: CannyThresholds = { low: 100, high: 200 };

const [WEAK, STRONG] = [1, 2];

/** Edges in white on black, pixel for pixel as OpenCV's `Canny` finds them in a colour picture (Canny 1986). */
export function cannyEdges(image: RgbImage, { low, high }: CannyThresholds = CANNY_THRESHOLDS): RgbImage {
  const { width, height } = image;
  const { across, down, strength } = gradients(image);
  const at = (x: number, y: number): number =>
    x < 0 || y < 0 || x >= width || y >= height ? 0 : strength[y * width + x]!;
  const marks = new Uint8Array(width * height);
  const open: number[] = [];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const i = y * width + x;
      if (strength[i]! <= Math.floor(low) || !isRidge(at, x, y, across[i]!, down[i]!)) continue;
      if (strength[i]! > Math.floor(high)) {
        marks[i] = STRONG;
        open.push(i);
      } else marks[i] = WEAK;
    }
  }
  const edges = plainImage(width, height, 0);
  for (let i = open.pop(); i !== undefined; i = open.pop()) {
    edges.data.fill(255, 3 * i, 3 * i + 3);
    for (const next of neighbours(i, width, height)) {
      if (marks[next] !== WEAK) continue;
      marks[next] = STRONG;
      open.push(next);
    }
  }
  return edges;
}

interface Gradients {
  readonly across: Int16Array;
  readonly down: Int16Array;
  readonly strength: Int32Array;
}

/** Sobel's, of the colour in which they are strongest; pixels at the edge are repeated outside. */
function gradients({ width, height, data }: RgbImage): Gradients {
  const size = width * height;
  const [across, down, strength] = [new Int16Array(size), new Int16Array(size), new Int32Array(size).fill(-1)];
  const clamped = (value: number, most: number): number => Math.min(most - 1, Math.max(0, value));
  for (let y = 0; y < height; y++) {
    const rows = [clamped(y - 1, height), y, clamped(y + 1, height)].map((row) => row * width);
    const [above = 0, own = 0, below = 0] = rows;
    for (let x = 0; x < width; x++) {
      const [left, right] = [clamped(x - 1, width), clamped(x + 1, width)];
      const i = own + x;
      for (let color = 0; color < 3; color++) {
        const level = (row: number, column: number): number => data[3 * (row + column) + color]!;
        const corners = [level(above, left), level(above, right), level(below, left), level(below, right)] as const;
        const [topLeft, topRight, bottomLeft, bottomRight] = corners;
        const dx = topRight + 2 * level(own, right) + bottomRight - topLeft - 2 * level(own, left) - bottomLeft;
        const dy = bottomLeft + 2 * level(below, x) + bottomRight - topLeft - 2 * level(above, x) - topRight;
        const sum = Math.abs(dx) + Math.abs(dy);
        if (sum <= strength[i]!) continue;
        [across[i], down[i], strength[i]] = [dx, dy, sum];
      }
    }
  }
  return { across, down, strength };
}

/** The tangent of 22.5 degrees in OpenCV's fixed point. */
const TANGENT = 13573;
const ONE = 2 ** 15;

/** Whether a pixel is stronger than its neighbours on both sides, along the nearest of four directions. */
function isRidge(at: (x: number, y: number) => number, x: number, y: number, dx: number, dy: number): boolean {
  const own = at(x, y);
  const [level, steep] = [Math.abs(dx) * TANGENT, Math.abs(dy) * ONE];
  if (steep < level) return own > at(x - 1, y) && own >= at(x + 1, y);
  if (steep > level + Math.abs(dx) * 2 * ONE) return own > at(x, y - 1) && own >= at(x, y + 1);
  const side = dx < 0 === dy < 0 ? 1 : -1;
  return own > at(x - side, y - 1) && own > at(x + side, y + 1);
}

function neighbours(i: number, width: number, height: number): readonly number[] {
  const [x, y] = [i % width, Math.floor(i / width)];
  const found: number[] = [];
  for (let row = Math.max(0, y - 1); row <= Math.min(height - 1, y + 1); row++) {
    for (let column = Math.max(0, x - 1); column <= Math.min(width - 1, x + 1); column++)
      found.push(row * width + column);
  }
  return found;
}
