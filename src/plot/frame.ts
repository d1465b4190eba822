/** A plot's size and the rectangle within it that points are drawn in. */
export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** Plots of more points than this take the whole width of the page. */
export const MOST_IN_HALF = 8;

/** The frame for so many points. */
export function frameOf(points: number): Frame {
  const [width, height] = points > MOST_IN_HALF ? [1080, 480] : [520, 340];
  return { width, height, left: 64, right: width - 16, top: 34, bottom: height - 56 };
}
