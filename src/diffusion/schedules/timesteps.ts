/** How inference timesteps are spread over the training schedule (Lin et al. 2023, table 2). */
export type TimestepSpacing = "leading" | "linspace" | "trailing";

/** The fields of a scheduler config that settle the timesteps of a run. */
export interface Spacing {
  readonly num_train_timesteps: number;
  readonly timestep_spacing: TimestepSpacing;
  readonly steps_offset: number;
}

/** Rounds to the nearest integer, halves to the even one, as NumPy does. */
export function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const fraction = value - floor;
  if (fraction !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** `count` evenly spaced numbers from `start` to `end`, both included. */
export function linspace(start: number, end: number, count: number): number[] {
  const step = (end - start) / (count - 1);
  return Array.from({ length: count }, (_, i) => (i === 0 ? start : i === count - 1 ? end : i * step + start));
}

/**
 * Timesteps of `steps` steps, highest first, not yet rounded for `linspace`. With `dropped` 1, the schedule
 * is laid out for one step more and its last one left out (DPM-Solver and its kin); `last` replaces the number of
 * training steps where the noisiest are cut off.
 */
export function spacedTimesteps(
  { num_train_timesteps, timestep_spacing, steps_offset }: Spacing,
  steps: number,
  { dropped = 0, last = num_train_timesteps }: { dropped?: 0 | 1; last?: number } = {},
): number[] {
  const count = steps + dropped;
  switch (timestep_spacing) {
    case "linspace":
      return linspace(0, last - 1, count)
        .reverse()
        .slice(0, steps);
    case "leading": {
      const stride = Math.floor(last / count);
      return Array.from({ length: steps }, (_, i) => (count - 1 - i) * stride + steps_offset);
    }
    case "trailing": {
      // As NumPy's arange rounds, but never one more than `steps`: that would be timestep -1.
      const stride = -(num_train_timesteps / steps);
      const delta = last + stride - last;
      return Array.from(
        { length: Math.min(steps, Math.ceil(-last / stride)) },
        (_, i) => roundHalfEven(last + i * delta) - 1,
      );
    }
  }
}

/** Timesteps of a run as whole numbers, refusing those that the schedule was not trained for. */
export function wholeTimesteps(spacing: Spacing, steps: number): number[] {
  const timesteps = spacedTimesteps(spacing, steps).map(roundHalfEven);
  const highest = Math.max(...timesteps);
  if (highest >= spacing.num_train_timesteps) {
    throw new RangeError(
      `Cannot take ${steps} steps: with steps_offset ${spacing.steps_offset} the first would be timestep ${highest}, ` +
        `the last one trained is ${spacing.num_train_timesteps - 1}`,
    );
  }
  return timesteps;
}
