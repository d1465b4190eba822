import { fseOf, type Halves, type Step } from "./halves.ts";

/** What a search may do to a schedule. */
export interface Freedom {
  /** Whether the halves of guidance may do different things at one evaluation. */
  readonly apart: boolean;
  /** Whether the half without the prompt may be skipped; where the halves are not apart, whole evaluations. */
  readonly skips: boolean;
}

export interface SearchOptions extends Freedom {
  readonly budget: number;
  readonly ratio: number;
  readonly trials: number;
  /** From 0 up to 1. */
  readonly random: () => number;
}

/** A schedule and how good it is, higher being better. */
export interface Found {
  readonly halves: Halves;
  readonly score: number;
}

/** Full-step equivalents that may be left over. */
const SLACK = 0.5;

/**
 * Changes a schedule at random in two places, or moves a step, and keeps what is better, until `trials` schedules within
 * the budget have been scored.
 */
export async function climb(
  start: Found,
  score: (halves: Halves) => Promise<number>,
  { budget, ratio, trials, random, ...freedom }: SearchOptions,
): Promise<Found> {
  let best = start;
  const seen = new Set([JSON.stringify(start.halves)]);
  let failures = 0;
  for (let trial = 0; trial < trials && failures < 1000; ) {
    const halves = changed(best.halves, freedom, random);
    const key = JSON.stringify(halves);
    const cost = fseOf(halves, ratio);
    if (seen.has(key) || cost > budget || cost < Math.min(budget - SLACK, fseOf(best.halves, ratio) - 0.01)) {
      failures++;
      continue;
    }
    failures = 0;
    seen.add(key);
    trial++;
    const found = await score(halves);
    if (found > best.score) best = { halves, score: found };
  }
  return best;
}

function changed(halves: Halves, { apart, skips }: Freedom, random: () => number): Halves {
  const without = [...halves.without];
  const own = [...halves.with];
  const below = (count: number): number => Math.floor(random() * count);
  const set = (i: number, step: Step): void => {
    if (i === 0) return; // nothing is known before it
    if (!apart) {
      without[i] = step;
      own[i] = step;
    } else if (random() < 0.5) without[i] = step;
    else own[i] = step === "skipped" ? "cached" : step;
  };
  const steps: readonly Step[] = skips ? ["full", "cached", "skipped"] : ["full", "cached"];
  const places = own.length;
  const first = below(places);
  set(first, steps[below(steps.length)]!);
  // The other change is near, as a move is, or anywhere.
  const second = random() < 0.6 ? Math.min(places - 1, Math.max(0, first + below(5) - 2)) : below(places);
  set(second, steps[below(steps.length)]!);
  if (random() < 0.3) set(below(places), steps[below(steps.length)]!);
  return { without, with: own };
}
