import { evenPlan, spreadPlan } from "./plans/spread.ts";
import type { CachePolicy } from "./policies.ts";

/** What the policy for a speed-up depends on. */
export interface SpeedupRun {
  readonly evaluations: number;
  /** What a cached evaluation takes of a full one, in operations. */
  readonly ratio: number;
  /** Whether the sampler draws noise between evaluations, which breaks the line that a forecast follows. */
  readonly noisy: boolean;
}

/** Damping of a forecast, and the full-step equivalents below which it is less. */
const DAMPING = { usual: 0.75, low: 0.5, below: 10 };

/**
 * The policy at branch 0 that takes 1/`speedup` of the operations of a run without a cache, as nearly as whole evaluations
 * allow: two full evaluations at the start, the others evenly, and a damped forecast between them; copies where a sampler
 * draws noise or where there are too few full evaluations for a forecast.
 */
export function policyForSpeedup(speedup: number, { evaluations, ratio, noisy }: SpeedupRun): CachePolicy {
  if (!(speedup >= 1)) throw new RangeError(`Cannot be ${speedup} times as fast: a number from 1 is required`);
  const most = evaluations / (1 + ratio * (evaluations - 1));
  if (speedup > most) {
    throw new RangeError(
      `Cannot be ${speedup} times as fast: a run of ${evaluations} evaluations is at most ${most.toFixed(1)} times as ` +
        "fast with a cache; fewer steps are faster",
    );
  }
  const budget = evaluations / speedup;
  const count = Math.max(1, Math.round((budget - ratio * evaluations) / (1 - ratio)));
  if (count >= evaluations) return { kind: "off" };
  if (noisy || count < 3) return { kind: "listed", full: evenPlan(evaluations, count), branch: 0 };
  const damping = budget < DAMPING.below ? DAMPING.low : DAMPING.usual;
  return { kind: "listed", full: spreadPlan(evaluations, count), branch: 0, forecast: { damping } };
}
