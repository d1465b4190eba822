import { median, quantile } from "../measuring/statistics.ts";
import { readJsonLines } from "../store/json-lines.ts";
import { parseTiming, TIMINGS, type TimingRecord } from "../store/records.ts";
import type { Store } from "../store/store.ts";
import type { EvaluatedPolicy } from "../workload/items.ts";
import { baselineName } from "../workload/items.ts";

/** How long a policy took; measured, so it differs from run to run. */
export interface PolicyTimes {
  readonly name: string;
  /** Denoising one image: median over batches, with quartiles. */
  readonly secondsPerImage: number;
  readonly quartiles: readonly [low: number, high: number];
  /** The baseline's median over this one's. */
  readonly speedup?: number;
  /** Of every evaluation, per image: medians over batches. */
  readonly evaluationSeconds: readonly number[];
  /** How many batches were timed. */
  readonly batches: number;
}

/** Sums up the times that a store holds; a shorter last batch is left out where there are others. */
export function summarizeTimes(store: Store, policies: readonly EvaluatedPolicy[]): PolicyTimes[] {
  const records = new Map(policies.map(({ name }): [string, TimingRecord[]] => [name, []]));
  for (const { value } of readJsonLines(store, TIMINGS)) {
    const record = parseTiming(value);
    records.get(record.policy)?.push(record);
  }
  const largest = Math.max(0, ...[...records.values()].flat().map(({ images }) => images));
  const times = policies.map(({ name }) => {
    const full = (records.get(name) ?? []).filter(({ images }) => images === largest);
    const perImage = full.map(({ seconds, images }) => seconds.denoise / images);
    const sorted = Float64Array.from(perImage).sort();
    return {
      name,
      secondsPerImage: median(perImage),
      quartiles: [quantile(sorted, 0.25), quantile(sorted, 0.75)] as const,
      evaluationSeconds: (full[0]?.evaluationSeconds ?? []).map((_, i) =>
        median(full.map(({ evaluationSeconds, images }) => (evaluationSeconds[i] ?? 0) / images)),
      ),
      batches: full.length,
    };
  });
  const baseline = times.find(({ name }) => name === baselineName(policies))?.secondsPerImage;
  return times.map((own) => ({
    ...own,
    ...(baseline === undefined ? {} : { speedup: baseline / own.secondsPerImage }),
  }));
}
