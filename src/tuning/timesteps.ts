import { listedSampler } from "../diffusion/samplers.ts";
import type { Trial, Trials } from "./trials.ts";

/** How far a timestep is moved at first: this share of it, and a few at least. */
const [SHARE, LEAST] = [0.08, 4];
/** What a move grows by where it helps, and shrinks to where it does not. */
const [GROWTH, SHRINKAGE] = [1.3, 0.5];

/**
 * Moves one timestep at a time, from the last to the second, as long as `most` trials are left and some move is not too
 * small: a pattern search (Hooke and Jeeves 1961) with a stride for every coordinate. The first timestep, where the noise
 * was drawn for, stays. Nothing where the sampler takes no list, or where no list is better than its own spacing.
 */
export async function moveTimesteps(found: Trial, most: number, trials: Trials): Promise<Trial | undefined> {
  const { run } = found;
  const sampler = listedSampler(run.sampler);
  if (sampler === undefined) return undefined;
  const tried = (timesteps: readonly number[]): Promise<Trial> => trials.score({ ...run, sampler, timesteps });
  const start = falling(await trials.timesteps(run));
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
        if (other.score <= best.score) continue;
        [best, timesteps, helped] = [other, changed, true];
      }
      strides[i] = helped ? Math.ceil(stride * GROWTH) : Math.floor(stride * SHRINKAGE);
    }
  }
  return best.score > found.score ? best : undefined;
}

/** Whether timesteps are such as samplers take. */
export const isFalling = (timesteps: readonly number[]): boolean =>
  timesteps.every((timestep, i) => timestep >= 0 && (i === 0 || timestep < (timesteps[i - 1] ?? 0)));

/** Whole timesteps that are near, each below the one before. */
export function falling(timesteps: readonly number[]): readonly number[] {
  const whole = timesteps.map(Math.round);
  for (let i = whole.length - 2; i >= 0; i--) whole[i] = Math.max(whole[i] ?? 0, (whole[i + 1] ?? 0) + 1);
  return whole;
}
