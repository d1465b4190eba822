import type { Summary } from "./analysis/policy-summary.ts";
import { summarize } from "./analysis/summary.ts";
import { type PolicyTimes, summarizeTimes } from "./analysis/times.ts";
import { measureSets } from "./measuring/set-measures.ts";
import { reportPage } from "./report/page.ts";
import type { EvaluationSettings } from "./store/settings.ts";
import type { Store } from "./store/store.ts";
import { imagesOf } from "./workload/items.ts";

export const SUMMARY = "summary.json";
export const TIMES = "times.json";
export const REPORT = "report.html";

/** What finishing an evaluation takes beside what its store holds. */
export interface FinishOptions {
  readonly title: string;
  /** What the times were measured on. */
  readonly machine: string;
}

/** An evaluation in numbers. */
export interface Finished {
  readonly summary: Summary;
  readonly times: readonly PolicyTimes[];
}

/** Sums up a complete evaluation and writes summary.json, which is the same every time, times.json and report.html. */
export function finish(store: Store, settings: EvaluationSettings, { title, machine }: FinishOptions): Finished {
  // A shard is no set: what compares sets waits for the merge.
  const sets = settings.shard === undefined ? measureSets(store, settings) : new Map();
  const summary = summarize(store, settings.policies, imagesOf(settings), sets);
  const times = summarizeTimes(store, settings.policies);
  store.write(SUMMARY, `${JSON.stringify(summary, null, 2)}\n`);
  store.write(TIMES, `${JSON.stringify({ machine, policies: times }, null, 2)}\n`);
  store.write(REPORT, reportPage({ title, settings, summary, times, store, machine }));
  return { summary, times };
}
