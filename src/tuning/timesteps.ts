import { listedSampler } from "../diffusion/samplers.ts";
import { type Grid, runOf } from "./candidate.ts";
import type { Tried } from "./climb.ts";
import type { Trials } from "./trials.ts";

interface OnGrid extends Tried {
  readonly grid: Grid;
}

/** How far a timestep is moved at first: this share of it, and a few at least. */
const [SHARE, LEAST] = [0.08, 4];
/** What a move grows by where it helps, and shrinks to where it does not. */
const [GROWTH, SHRINKAGE] = [1.3, 0.5];

/**
 * Moves one timestep at a time, from the last to the second, as long as `most` trials are left and some move is not too
 * small: a pattern search (Hooke and Jeeves 1961) with a stride for every coordinate. The first timestep, where the noise
 * was drawn for, stays. Nothing where the sampler takes no list, or where no list is better than its own spacing.
 */
export async function moveTimesteps(found: OnGrid, most: number, trials: Trials): Promise<OnGrid | undefined> {
  const { candidate } = found;
  const sampler = listedSampler(found.grid.sampler);
  if (sampler === undefined) return undefined;
  const tried = async (timesteps: readonly number[]): Promise<OnGrid> => {
    const grid = { ...found.grid, sampler, timesteps };
    return { grid, candidate, trial: await trials.score(runOf(grid, candidate)) };
  };
  const start = falling(await trials.timesteps(runOf(found.grid, candidate)));
  let [best, timesteps] = [await tried(start), start];
  const strides = start.map((timestep, i) => (i === 0 ? 0 : Math.max(LEAST, Math.round(timestep * SHARE))));
  let left = most;
  while (left > 0 && strides.some((stride) => stride >= 1)) {
    for (let i = start.length - 1; i > 0 && left > 0; i--) {
      const stride = strides[i] ?? 0;
      if (stride < 1) continue;
      let helped = false;
      for (const move of [stride, -stride]) {
        const changed = timesteps.with(i, (timesteps[i] ?? 0) + move);
        if (!isFalling(changed) || helped || left === 0) continue;
        left--;
        const other = await tried(changed);
        if (other.trial.score <= best.trial.score) continue;
        [best, timesteps, helped] = [other, changed, true];
      }
      strides[i] = helped ? Math.ceil(stride * GROWTH) : Math.floor(stride * SHRINKAGE);
    }
  }
  return best.trial.score > found.trial.score ? best : undefined;
}

const isFalling = (timesteps: readonly number[]): boolean =>
  timesteps.every((timestep, i) => timestep >= 0 && (i === 0 || timestep < (timesteps[i - 1] ?? 0)));

/** Whole timesteps that are near, each below the one before. */
function falling(timesteps: readonly number[]): readonly number[] {
  const whole = timesteps.map(Math.round);
  for (let i = whole.length - 2; i >= 0; i--) whole[i] = Math.max(whole[i] ?? 0, (whole[i + 1] ?? 0) + 1);
  return whole;
}
