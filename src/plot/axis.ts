/** A linear axis: the values at its ends, and those that are marked. */
export interface Axis {
  readonly low: number;
  readonly high: number;
  readonly ticks: readonly number[];
  /** Decimals that tell the ticks apart. */
  readonly digits: number;
}

/** Values nearer to one another than this, relative to their size, are one value to the eye. */
const SMALLEST_SPAN = 1e-9;

/** An axis over `values` with about `count` marks at round numbers; it begins at 0 where that is asked for. */
export function axisOver(values: readonly number[], { fromZero = false, count = 5 } = {}): Axis {
  const finite = values.filter(Number.isFinite);
  const least = Math.min(...finite, ...(fromZero ? [0] : []));
  const most = Math.max(...finite, ...(fromZero ? [0] : []));
  const size = Math.max(Math.abs(most), Math.abs(least));
  const span = most - least > SMALLEST_SPAN * Math.max(size, 1) ? most - least : Math.max(size, 1) / 10;
  const step = roundStep(span / count);
  const low = Math.floor(least / step + 1e-9);
  const high = Math.max(low + 1, Math.ceil(most / step - 1e-9));
  const ticks = Array.from({ length: high - low + 1 }, (_, i) => (low + i) * step);
  return { low: low * step, high: high * step, ticks, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}

/** 1, 2 or 5 times a power of ten, at least `least`. */
function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return ([1, 2, 5].find((factor) => factor * power >= least) ?? 10) * power;
}

/** Where `value` lies on an axis drawn from `from` to `to`. */
export const positionOn = ({ low, high }: Axis, value: number, from: number, to: number): number =>
  from + ((value - low) / (high - low)) * (to - from);
