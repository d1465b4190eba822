import type { Graph, GraphNode } from "../onnx/graph.ts";
import { countMacs } from "../onnx/macs.ts";
import { storedBytes } from "../onnx/weights.ts";
import { type Cut, type Cuttable, cachedNodes } from "./cut.ts";
import { forecastElements } from "./forecast.ts";
import { fullEvaluations } from "./policies.ts";
import { preludeNodes } from "./prelude.ts";

/** Multiply-accumulate operations of each part, attention products included, for the batch of the graph. */
export interface PartMacs {
  /** Once per run. */
  readonly prelude: number;
  readonly head: number;
  readonly trunk: number;
  readonly tail: number;
  /** Of a forecast, in numbers that it makes: a multiply-add each, in no other count. */
  readonly forecast: number;
}

const preludeMacs = (prelude: Graph | undefined): number => (prelude === undefined ? 0 : countMacs(prelude).total);

/** Of a network that is cut, after its `prelude` if it has one; it may forecast. */
export const partMacs = ({ head, trunk, tail, cached }: Cut, prelude: Graph | undefined): PartMacs => ({
  prelude: preludeMacs(prelude),
  head: countMacs(head).total,
  trunk: countMacs(trunk).total,
  tail: countMacs(tail).total,
  forecast: forecastElements({ trunk, cached }),
});

/** An uncut network counts as all trunk. */
export const wholeMacs = ({ graph }: Cuttable, prelude: Graph | undefined): PartMacs => ({
  prelude: preludeMacs(prelude),
  head: 0,
  trunk: countMacs(graph).total,
  tail: 0,
  forecast: 0,
});

/** The share of the weights that is there twice where a full and a cached evaluation are a graph each. */
export const repeatedWeights = ({ full, cached }: Pick<Cut, "full" | "cached">): number =>
  storedBytes(cached) / storedBytes(full);

/** What a cached evaluation at `branch` takes of a full one, in operations; what runs once per run is in neither. */
export function cachedShare(network: Cuttable, branch: number): number {
  const once = preludeNodes(network);
  const macsOf = (nodes: readonly GraphNode[]): number =>
    countMacs({ nodes: nodes.filter((node) => !once.has(node)) }).total;
  return macsOf(cachedNodes(network, branch)) / macsOf(network.graph.nodes);
}

/** What a run takes in operations. */
export interface RunMacs {
  /** Of one full evaluation. */
  readonly full: number;
  /** Of one cached evaluation. */
  readonly cached: number;
  /** Of all evaluations of the run. */
  readonly total: number;
  /** What all evaluations would have taken without a cache. */
  readonly uncached: number;
  /** Once per run, with a cache or without. */
  readonly prelude: number;
  /** Numbers that all forecasts of the run make, a multiply-add each; in no other count. */
  readonly forecast: number;
}

/** Adds up a run of `full` full and `cached` cached evaluations. */
export function runMacs({ prelude, head, trunk, tail, forecast }: PartMacs, full: number, cached: number): RunMacs {
  const whole = head + trunk + tail;
  const uncut = head + tail === 0; // then nothing can be cached, and an evaluation costs what it costs
  const short = uncut ? whole : head + tail;
  return {
    full: whole,
    cached: short,
    total: full * whole + cached * short,
    uncached: (full + cached) * whole,
    prelude,
    forecast: cached * forecast,
  };
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
