import { fullWithin, spreadPlan } from "../deepcache/plans/spread.ts";
import type { SamplerName } from "../diffusion/samplers.ts";
import { type Candidate, type Grid, runOf, STAND_INS } from "./candidate.ts";
import { climb, type Tried } from "./climb.ts";
import { closestPlan } from "./gram.ts";
import { moveTimesteps } from "./timesteps.ts";
import type { Trial, Trials } from "./trials.ts";
import type { TuningOptions } from "./tuning.ts";

/** How many more steps than its budget a cached run has, where nobody says how many. */
const STRETCHES = [1.35, 1.7, 2.1];
/** Grids that go on after a first look at all, and after a closer one. */
const [LOOKED_AT, SEARCHED] = [3, 2];
/** The share of the trials that each of the searched grids has before the better one takes the rest. */
const SHARE = 1 / 4;

/** The best trials without a cache that take at least `budget` full-step equivalents, best first. */
export async function bestUncached(
  budget: number,
  samplers: readonly SamplerName[],
  trials: Trials,
  most: number,
): Promise<readonly Trial[]> {
  const looks: Trial[] = [];
  for (const sampler of samplers) {
    looks.push(await trials.look({ sampler, steps: Math.ceil(budget), cache: { kind: "off" } }));
  }
  const found: Trial[] = [];
  for (const { run } of looks.sort(byScore).slice(0, most)) found.push(await trials.score(run));
  return found.sort(byScore);
}

/** The best cached trial within `budget`; nothing where no number of steps leaves room for a cache. */
export async function bestCached(
  budget: number,
  { samplers, steps, branch, trials: most, timestepTrials }: TuningOptions,
  trials: Trials,
): Promise<Trial | undefined> {
  const counts = steps ?? [...new Set(STRETCHES.map((stretch) => Math.round(stretch * budget)))];
  const looks: Looked[] = [];
  for (const sampler of samplers) {
    for (const count of counts) {
      const grid = await gridOf({ sampler, steps: count, branch }, trials);
      const size = fullWithin(budget, grid.gram.evaluations, grid.ratio);
      if (size < 2 || size >= grid.gram.evaluations) continue;
      const plans = [spreadPlan(grid.gram.evaluations, size), closestPlan(grid.gram, size)];
      for (const full of plans) {
        const candidate: Candidate = { full, standIn: { kind: "fitted", scale: 1 } };
        looks.push({ grid, candidate, trial: await trials.look(runOf(grid, candidate)) });
      }
    }
  }
  const closer: Looked[] = [];
  for (const { grid, candidate } of bestOfEachGrid(looks).slice(0, LOOKED_AT)) {
    for (const standIn of STAND_INS) {
      const other = { ...candidate, standIn };
      closer.push({ grid, candidate: other, trial: await trials.score(runOf(grid, other)) });
    }
  }
  const climbed: Looked[] = [];
  const first = Math.ceil(most * SHARE);
  for (const { grid, ...start } of bestOfEachGrid(closer).slice(0, SEARCHED)) {
    climbed.push({ grid, ...(await climb(grid, start, first, trials)) });
  }
  const [best] = climbed.sort((a, b) => byScore(a.trial, b.trial));
  if (best === undefined) return undefined;
  const found = { grid: best.grid, ...(await climb(best.grid, best, most - first, trials)) };
  return timestepTrials === 0 ? found.trial : (await atOwnTimesteps(found, most, timestepTrials, trials)).trial;
}

/** The best with single timesteps moved, and then with the plan and the factors that suit those. */
async function atOwnTimesteps(found: Looked, most: number, forTimesteps: number, trials: Trials): Promise<Looked> {
  const moved = await moveTimesteps(found.trial, forTimesteps, trials);
  if (moved === undefined) return found;
  const { sampler, timesteps } = moved.run;
  const { gram } = await trials.features({ ...moved.run, cache: { kind: "off" } });
  const grid = { ...found.grid, sampler, timesteps, gram };
  const starts: Looked[] = [{ grid, candidate: found.candidate, trial: moved }];
  for (const standIn of STAND_INS) {
    const candidate = { ...found.candidate, standIn };
    starts.push({ grid, candidate, trial: await trials.score(runOf(grid, candidate)) });
  }
  const [start] = starts.sort((a, b) => byScore(a.trial, b.trial));
  return start === undefined ? found : { grid, ...(await climb(grid, start, most, trials)) };
}

interface Looked extends Tried {
  readonly grid: Grid;
}

async function gridOf({ sampler, steps, branch }: Omit<Grid, "gram" | "ratio">, trials: Trials): Promise<Grid> {
  const { gram, ratio } = await trials.features({ sampler, steps, cache: { kind: "off" } });
  return { sampler, steps, branch, gram, ratio };
}

const byScore = (a: { readonly score: number }, b: { readonly score: number }): number => b.score - a.score;

/** The best of each grid, best first. */
function bestOfEachGrid(looked: readonly Looked[]): Looked[] {
  const sorted = looked.toSorted((a, b) => byScore(a.trial, b.trial));
  return sorted.filter(({ grid }, i) => sorted.findIndex((other) => other.grid === grid) === i);
}
