import { fullWithin, spreadPlan } from "../deepcache/plans/spread.ts";
import type { CachePolicy } from "../deepcache/policies.ts";
import type { SamplerName } from "../diffusion/samplers.ts";
import { closestPlan, fitFactors, type Gram } from "./gram.ts";
import { neighbours } from "./plans.ts";
import type { Trial, Trials } from "./trials.ts";
import type { TuningOptions } from "./tuning.ts";

/** A sampler with a number of steps, and what the network's features do on the way. */
interface Grid {
  readonly sampler: SamplerName;
  readonly steps: number;
  readonly gram: Gram;
  readonly ratio: number;
}

/** How many more steps than its budget a cached run has, where nobody says how many. */
const STRETCHES = [1.35, 1.7, 2.1];
/** Grids whose plans are searched, after a first trial of all. */
const SEARCHED = 2;
/** Fitted factors are tried at these sizes, too. */
const SCALES = [0.8, 1.2, 0.6];
const DAMPINGS = [0.5, 0.75];
/** Digits of factors that a profile holds. */
const DIGITS = 4;

/** The best trial without a cache that takes at least `budget` full-step equivalents, and the next best. */
export async function bestUncached(
  budget: number,
  samplers: readonly SamplerName[],
  trials: Trials,
): Promise<readonly Trial[]> {
  const found: Trial[] = [];
  for (const sampler of samplers) {
    found.push(await trials.score({ sampler, steps: Math.ceil(budget), cache: { kind: "off" } }));
  }
  return found.sort((a, b) => b.score - a.score);
}

/** The best cached trial within `budget`; nothing where no number of steps leaves room for a cache. */
export async function bestCached(
  budget: number,
  { samplers, steps, branch, trials: most }: TuningOptions,
  trials: Trials,
): Promise<Trial | undefined> {
  const counts = steps ?? [...new Set(STRETCHES.map((stretch) => Math.round(stretch * budget)))];
  const first: { readonly grid: Grid; readonly trial: Trial; readonly full: readonly number[] }[] = [];
  for (const sampler of samplers) {
    for (const count of counts) {
      const { gram, ratio } = await trials.features({ sampler, steps: count, cache: { kind: "off" } });
      const grid = { sampler, steps: count, gram, ratio };
      const size = fullWithin(budget, gram.evaluations, ratio);
      if (size < 2 || size >= gram.evaluations) continue;
      const plans = [spreadPlan(gram.evaluations, size), closestPlan(gram, size)];
      for (const full of plans) {
        first.push({ grid, full, trial: await trials.score(runOf(grid, full, fitFactors(gram, full), branch)) });
      }
    }
  }
  first.sort((a, b) => b.trial.score - a.trial.score);
  const chosen = first
    .filter(({ grid }, i) => first.findIndex((other) => other.grid === grid) === i)
    .slice(0, SEARCHED);
  let best: Trial | undefined;
  for (const { grid, full, trial } of chosen) {
    const found = await refine(grid, await search(grid, { full, trial }, { most, branch }, trials), branch, trials);
    if (best === undefined || found.score > best.score) best = found;
  }
  return best;
}

interface Found {
  readonly full: readonly number[];
  readonly trial: Trial;
}

/** Moves one full evaluation at a time as long as that helps and trials are left. */
async function search(
  grid: Grid,
  start: Found,
  { most, branch }: { readonly most: number; readonly branch: number },
  trials: Trials,
): Promise<Found> {
  let best = start;
  let left = most;
  for (let improved = true; improved && left > 0; ) {
    improved = false;
    for (const full of neighbours(best.full, grid.gram.evaluations)) {
      if (left-- <= 0) break;
      const trial = await trials.score(runOf(grid, full, fitFactors(grid.gram, full), branch));
      if (trial.score <= best.trial.score) continue;
      best = { full, trial };
      improved = true;
      break;
    }
  }
  return best;
}

/** Tries other factors on the same plan: the fitted ones larger or smaller, and the damped line. */
async function refine(grid: Grid, { full, trial }: Found, branch: number, trials: Trials): Promise<Trial> {
  let best = trial;
  const fitted = fitFactors(grid.gram, full);
  const others = [
    ...SCALES.map((scale) =>
      runOf(
        grid,
        full,
        fitted.map((factor) => scale * factor),
        branch,
      ),
    ),
    ...DAMPINGS.map((damping) => ({ ...runOf(grid, full, fitted, branch), cache: listed(full, branch, { damping }) })),
  ];
  for (const run of others) {
    const other = await trials.score(run);
    if (other.score > best.score) best = other;
  }
  return best;
}

const listed = (
  full: readonly number[],
  branch: number,
  forecast: { readonly damping: number } | { readonly factors: readonly number[] },
): CachePolicy => ({ kind: "listed", full, branch, forecast });

const runOf = ({ sampler, steps }: Grid, full: readonly number[], factors: readonly number[], branch: number) => ({
  sampler,
  steps,
  cache: listed(full, branch, { factors: factors.map((factor) => Number(factor.toFixed(DIGITS))) }),
});
