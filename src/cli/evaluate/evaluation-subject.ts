import { branchOf } from "../../deepcache/policies.ts";
import type { Subject } from "../../evaluation/evaluate.ts";
import type { EvaluatedPolicy, Unit } from "../../evaluation/workload/items.ts";
import type { Precision } from "../../runtime/precision.ts";
import type { Job, JobRun } from "../job.ts";

/** A model to evaluate, with what it was opened for. */
export interface EvaluationSubject extends Subject, AsyncDisposable, Pick<Job, "unet"> {
  readonly name: string;
  readonly conditioned: Job["conditioned"];
  /** Prompts or classes in words. */
  readonly rows: readonly string[];
}

/**
 * Jobs of one model as a subject. Policies that cut the network differently, or compute it in another precision, have a job
 * each, so that nothing is loaded anew when they take turns.
 */
export async function openSubject(open: (precision?: Precision) => Promise<Job>): Promise<EvaluationSubject> {
  const first = await open();
  const shownBy = ({ items }: Unit): Pick<JobRun, "rows" | "count"> =>
    first.conditioned === "nothing"
      ? { count: items.length }
      : { rows: items.flatMap(({ row }) => row ?? []), count: 1 };
  const jobs = new Map<string, Job>();
  const jobFor = async ({ cache, precision }: EvaluatedPolicy): Promise<Job> => {
    const key = JSON.stringify([branchOf(cache), "forecast" in cache, precision ?? null]);
    const job = jobs.get(key) ?? (jobs.size === 0 && precision === undefined ? first : await open(precision));
    jobs.set(key, job);
    return job;
  };
  return {
    name: first.name,
    conditioned: first.conditioned,
    rows: first.rows,
    unet: first.unet,
    async *run(unit) {
      const { cache, sampler, steps, timesteps } = unit.policy;
      const job = await jobFor(unit.policy);
      const seed = unit.items.map((item) => item.seed);
      yield* job.stream({ cache, sampler, steps, timesteps, seed, ...shownBy(unit) });
    },
    async text(unit, result, index) {
      return (await jobFor(unit.policy)).parameters(result, index, shownBy(unit));
    },
    async [Symbol.asyncDispose]() {
      for (const job of new Set([first, ...jobs.values()])) await job[Symbol.asyncDispose]();
    },
  };
}
