import { runMacs } from "../../deepcache/cost.ts";
import type { MeasuredBranch } from "../measured-branch.ts";
import type { RunTime } from "../run-scenario.ts";
import { timesOf } from "../statistics.ts";
import type { RunReport } from "./report.ts";

interface RunContext {
  readonly evaluations: number;
  readonly measured: readonly MeasuredBranch[];
}

/** The runs on the network of a branch, against the one named `off` on whichever branch. */
export function runReports(
  { branch, times, macs, runs }: MeasuredBranch,
  { evaluations, measured }: RunContext,
): RunReport[] {
  const baselineRun = measured.flatMap((other) => [...other.runs]).find(([{ scenario }]) => scenario.name === "off");
  const baseline =
    baselineRun === undefined
      ? evaluations * times.full.seconds
      : timesOf(baselineRun[1].map(({ seconds }) => seconds)).seconds;
  return [...runs].map(([{ scenario, chosen, steps, evaluations: own, full }, done]) => {
    const run = timesOf(done.map(({ seconds }) => seconds));
    const total = runMacs(macs, full.length, own - full.length);
    const computed = total.prelude + total.total;
    const limit = (total.prelude + evaluations * total.full) / computed;
    const speedup = baseline / run.seconds;
    return {
      name: scenario.name,
      ...run,
      branch,
      policy: scenario.policy,
      sampler: chosen.name,
      steps,
      evaluations: own,
      full: full.length,
      macs: computed,
      fse: total.total / total.full,
      speedup,
      baseline: baselineRun === undefined ? "evaluations" : "run",
      limit,
      fraction: speedup / limit,
      outsideRuntime: outside(done),
    };
  });
}

function outside(runs: readonly RunTime[]): number {
  const wall = runs.reduce((total, { seconds }) => total + seconds, 0);
  return 1 - runs.reduce((total, { runtimeSeconds }) => total + runtimeSeconds, 0) / wall;
}

/** The share of the time outside of sessions: of whole runs, or of evaluations and sampler where there were none. */
export function outsideOf(measured: readonly MeasuredBranch[], scheduler: number): number {
  const runs = measured.flatMap((branch) => [...branch.runs.values()].flat());
  if (runs.length > 0) return outside(runs);
  return outside(
    measured.map(({ times: { wallSeconds, runtimeSeconds, full, cached } }) => ({
      seconds: wallSeconds + scheduler * (full.samples + (cached?.samples ?? 0)),
      runtimeSeconds,
    })),
  );
}
