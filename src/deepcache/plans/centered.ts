import { principalPower, truncatedCurve } from "./complex.ts";

/** The paper's non-uniform schedule for `length` evaluations. */
export interface CenteredOptions {
  readonly length: number;
  /** Evaluations per full one, on average. */
  readonly interval: number;
  /** The evaluation around which full ones are densest. */
  readonly center: number;
  /** How much denser; above 1. */
  readonly power: number;
}

export interface CenteredPlan {
  readonly full: number[];
  /** The power that gave this many full evaluations: the one asked for, or a lower one. */
  readonly power: number;
}

/** How much the power is lowered when truncation has merged two evaluations. */
const DECREMENT = 0.02;

/**
 * Full evaluations that are denser around `center`: bit-compatible with the published Stable Diffusion code, which lowers
 * the power until the count comes out as ceil(length / interval), and gives up when it reaches 1.
 */
export function centeredPlan(options: CenteredOptions): CenteredPlan {
  const { plan, fits } = search(options);
  if (plan !== undefined && fits) return plan;
  const { length, interval, center, power } = options;
  throw new RangeError(
    `Cannot spread ${count(options)} full evaluations over ${length} around evaluation ${center} (interval ${interval}) ` +
      `with any power from ${power} down to 1: use a larger interval, a smaller center or a power above 1`,
  );
}

/** As `centeredPlan`, but settles for the last try, as the published DDPM code does. */
export function closestCenteredPlan(options: CenteredOptions): CenteredPlan {
  const { plan } = search(options);
  if (plan !== undefined) return plan;
  throw new RangeError(`Cannot plan with power ${options.power}: it must be above 1`);
}

const count = ({ length, interval }: Pick<CenteredOptions, "length" | "interval">): number =>
  Math.ceil(length / interval);

function search(options: CenteredOptions): { plan: CenteredPlan | undefined; fits: boolean } {
  let plan: CenteredPlan | undefined;
  for (let power = options.power; power > 1; power -= DECREMENT) {
    const full = spread({ ...options, power });
    plan = { full, power };
    if (full.length === count(options)) return { plan, fits: true };
  }
  return { plan, fits: false };
}

/**
 * Evenly spaced points of the curve z^power between -center and length - center. The root of a negative number is the
 * principal complex one and only real parts are kept: the paper's equation 7 says otherwise, its code does this.
 */
function spread({ length, interval, center, power }: CenteredOptions): number[] {
  const start = principalPower(-center, 1 / power);
  const stop = principalPower(length - center, 1 / power);
  const offsets = truncatedCurve(start, stop, count({ length, interval }), power);
  return [0, ...offsets.slice(1, -1).map((offset) => offset + center)];
}
