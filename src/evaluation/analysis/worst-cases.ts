import { type MeasureName, measureNamed } from "../measures.ts";
import { readJsonLines } from "../store/json-lines.ts";
import { parseResult, RESULTS, type ResultRecord } from "../store/records.ts";
import type { Store } from "../store/store.ts";

/** An image that some policy did badly at. */
export interface WorstCase {
  readonly index: number;
  readonly prompt: string;
  readonly seed: number;
  /** The measure's value under every policy that has one. */
  readonly values: ReadonlyMap<string, number>;
}

/** The `count` images at which `measure` is worst under any of `policies`, the worst first. */
export function worstCases(
  store: Store,
  measure: MeasureName,
  policies: readonly string[],
  count: number,
): readonly WorstCase[] {
  const sign = measureNamed(measure).better === "higher" ? 1 : -1;
  const badness = new Map<number, number>();
  for (const { index, policy, metrics } of resultsIn(store)) {
    const value = metrics[measure];
    if (value === undefined || !policies.includes(policy)) continue;
    badness.set(index, Math.min(sign * value, badness.get(index) ?? Number.POSITIVE_INFINITY));
  }
  const worst = [...badness].sort(([i, a], [j, b]) => a - b || i - j).slice(0, count);
  const found = new Map(worst.map(([index]) => [index, { prompt: "", seed: 0, values: new Map<string, number>() }]));
  for (const { index, policy, prompt, seed, metrics } of resultsIn(store)) {
    const own = found.get(index);
    if (own === undefined) continue;
    Object.assign(own, { prompt, seed });
    const value = metrics[measure];
    if (value !== undefined) own.values.set(policy, value);
  }
  return [...found].map(([index, own]) => ({ index, ...own }));
}

function* resultsIn(store: Store): Generator<ResultRecord> {
  for (const { value } of readJsonLines(store, RESULTS)) yield parseResult(value);
}
