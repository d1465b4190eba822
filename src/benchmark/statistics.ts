/** Times of the same thing, summed up. */
export interface Times {
  /** The median. */
  readonly seconds: number;
  /** A quarter of the times lies below the first, a quarter above the second. */
  readonly quartiles: readonly [number, number];
  readonly samples: number;
}

/** Median and quartiles of `seconds`, interpolated between neighbours. */
export function timesOf(seconds: readonly number[]): Times {
  if (seconds.length === 0) throw new RangeError("Cannot sum up times: none was measured");
  const sorted = seconds.toSorted((a, b) => a - b);
  return {
    seconds: quantile(sorted, 0.5),
    quartiles: [quantile(sorted, 0.25), quantile(sorted, 0.75)],
    samples: sorted.length,
  };
}

function quantile(sorted: readonly number[], fraction: number): number {
  const place = fraction * (sorted.length - 1);
  const below = sorted[Math.floor(place)] ?? 0;
  const above = sorted[Math.ceil(place)] ?? below;
  return below + (above - below) * (place % 1);
}
