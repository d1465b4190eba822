import { imagesOf } from "./items.ts";
import { reportPage } from "./report/page.ts";
import { measureSets } from "./set-measures.ts";
import type { EvaluationSettings } from "./settings.ts";
import type { Store } from "./store.ts";
import { type Summary, summarize } from "./summary.ts";
import { type PolicyTimes, summarizeTimes } from "./times.ts";

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
