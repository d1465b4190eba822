import { countMacs } from "../onnx/macs.ts";
import type { Cut, Cuttable } from "./cut.ts";
import { fullEvaluations } from "./plan.ts";

/** Multiply-accumulate operations of each part, attention products included, for the batch of the graph. */
export interface PartMacs {
  readonly head: number;
  readonly trunk: number;
  readonly tail: number;
}

export const partMacs = ({ head, trunk, tail }: Cut): PartMacs => ({
  head: countMacs(head).total,
  trunk: countMacs(trunk).total,
  tail: countMacs(tail).total,
});

/** An uncut network counts as all trunk. */
export const wholeMacs = ({ graph }: Cuttable): PartMacs => ({ head: 0, trunk: countMacs(graph).total, tail: 0 });

/** What a run takes in operations. */
export interface RunMacs {
  readonly full: number;
  readonly cached: number;
  /** Of all evaluations of the run. */
  readonly total: number;
  /** What all evaluations would have taken without a cache. */
  readonly uncached: number;
}

/** Adds up a run of `full` full and `cached` cached evaluations. */
export function runMacs({ head, trunk, tail }: PartMacs, full: number, cached: number): RunMacs {
  const whole = head + trunk + tail;
  const uncut = head + tail === 0; // then nothing can be cached, and an evaluation costs what it costs
  const short = uncut ? whole : head + tail;
  return { full: whole, cached: short, total: full * whole + cached * short, uncached: (full + cached) * whole };
}

/** Operations of one evaluation, in whichever way they are counted. */
export interface EvaluationMacs {
  readonly full: number;
  readonly cached: number;
}

/** What a run at one interval of the uniform schedule takes. */
export interface IntervalMacs {
  readonly interval: number;
  /** How many of the run's evaluations are full. */
  readonly full: number;
  /** Operations per evaluation, averaged over the run: what the paper's tables print. */
  readonly average: number;
  /** How many times faster than an uncached run it could be if operations were all that takes time. */
  readonly speedUp: number;
}

/** The cost of runs of `steps` evaluations at several intervals. */
export function averageMacs(
  { full, cached }: EvaluationMacs,
  intervals: readonly number[],
  steps: number,
): IntervalMacs[] {
  return intervals.map((interval) => {
    const count = fullEvaluations({ kind: "uniform", interval, branch: 0 }, steps).length;
    const average = (count * full + (steps - count) * cached) / steps;
    return { interval, full: count, average, speedUp: full / average };
  });
}
