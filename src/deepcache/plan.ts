import { centeredPlan } from "./plans/centered.ts";
import { quadraticPlan } from "./plans/quadratic.ts";
import { uniformPlan } from "./plans/uniform.ts";
import { type CachePolicy, checkPolicy } from "./policy.ts";

/**
 * The evaluations, counted from 0, in which the whole network runs; in the others the trunk's output is taken from the
 * cache. `length` is what the published schedules call T. It is the number of evaluations except for PNDM, where the
 * published code uses the number of steps: its one evaluation more is then always cached.
 */
export function fullEvaluations(policy: CachePolicy, evaluations: number, length = evaluations): number[] {
  if (!Number.isSafeInteger(evaluations) || evaluations < 1 || !(length >= 1 && length <= evaluations)) {
    throw new RangeError(`Cannot plan ${evaluations} evaluations over a schedule of ${length}`);
  }
  checkPolicy(policy);
  switch (policy.kind) {
    case "off":
      return uniformPlan(evaluations, 1);
    case "uniform":
      return policy.interval === 1 ? uniformPlan(evaluations, 1) : uniformPlan(length, policy.interval);
    case "centered":
      if (policy.interval === 1) return uniformPlan(evaluations, 1);
      // Around a center behind the end, the published schedule may go past it; its code never gets there.
      return centeredPlan({ ...policy, length }).full.filter((evaluation) => evaluation < evaluations);
    case "quadratic":
      return policy.interval === 1 ? uniformPlan(evaluations, 1) : quadraticPlan({ ...policy, length });
    case "steps":
      checkLast(policy.full, evaluations);
      return [...policy.full];
  }
}

/** One character per evaluation: `█` full, `·` cached. */
export function drawPlan(full: readonly number[], evaluations: number): string {
  const inFull = new Set(full);
  return Array.from({ length: evaluations }, (_, i) => (inFull.has(i) ? "█" : "·")).join("");
}

function checkLast(full: readonly number[], evaluations: number): void {
  const last = full.at(-1) ?? 0;
  if (last >= evaluations) {
    throw new RangeError(
      `Cannot make evaluation ${last} full: this run has ${evaluations} evaluations, 0 to ${evaluations - 1}`,
    );
  }
}
