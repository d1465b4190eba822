import { type Candidate, factorsOf, type Grid, runOf } from "./candidate.ts";
import { neighbours } from "./plans.ts";
import type { Trial, Trials } from "./trials.ts";

/** A candidate and what it came to. */
export interface Tried {
  readonly candidate: Candidate;
  readonly trial: Trial;
}

/** What a factor is multiplied by, one evaluation at a time. */
const CHANGES = [1.4, 0.6];
/** The share of the trials that may go into plans; the rest is for factors. */
const FOR_PLANS = 2 / 3;

/** Changes one thing at a time as long as that helps and one of `most` trials is left: first plans, then single factors. */
export async function climb(grid: Grid, start: Tried, most: number, trials: Trials): Promise<Tried> {
  let left = most;
  const uphill = async (
    from: Tried,
    until: number,
    changes: (from: Candidate) => Iterable<Candidate>,
  ): Promise<Tried> => {
    let best = from;
    const seen = new Set<string>();
    for (let improved = true; improved; ) {
      improved = false;
      for (const candidate of changes(best.candidate)) {
        const run = runOf(grid, candidate);
        const key = JSON.stringify(run);
        if (seen.has(key)) continue;
        if (left <= until) return best;
        seen.add(key);
        left--;
        const trial = await trials.score(run);
        if (trial.score <= best.trial.score) continue;
        best = { candidate, trial };
        improved = true;
        break;
      }
    }
    return best;
  };
  const planned = await uphill(start, Math.floor(most * (1 - FOR_PLANS)), (from) => otherPlans(grid, from));
  return await uphill(planned, 0, (from) => otherFactors(grid, from));
}

/** One full evaluation moved. Factors of their own are for one plan only: others start from those that are fitted. */
function* otherPlans({ gram }: Grid, { full, standIn }: Candidate): Generator<Candidate> {
  for (const plan of neighbours(full, gram.evaluations)) {
    yield { full: plan, standIn: standIn.kind === "factors" ? { kind: "fitted", scale: 1 } : standIn };
  }
}

/** One factor larger or smaller, from the last evaluation to the first. */
function* otherFactors(grid: Grid, candidate: Candidate): Generator<Candidate> {
  const factors = factorsOf(grid, candidate);
  for (let i = factors.length - 1; i >= 0; i--) {
    const factor = factors[i];
    if (factor === undefined || factor === 0) continue;
    for (const change of CHANGES) {
      yield { ...candidate, standIn: { kind: "factors", factors: factors.with(i, factor * change) } };
    }
  }
}
