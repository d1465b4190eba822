import type { PolicySummary, Summary } from "../../../src/evaluation/analysis/policy-summary.ts";
import type { MeasureName } from "../../../src/evaluation/measures.ts";
import { gridOf } from "./grid.ts";

/** The interval at which the table of quality shows the non-uniform schedule. */
const SHOWN = 5;
/** Measures that the table shows, and those that it judges by: the Fréchet distance of few images says little. */
const MEASURES: readonly MeasureName[] = ["psnr", "ssim", "clip", "accuracy", "fd"];
const JUDGED: readonly MeasureName[] = MEASURES.filter((name) => name !== "fd");

/** What the table of quality shows of an evaluation: caches at branch 0, and what they are compared with. */
export function excerpt(summary: Summary): Summary {
  const grid = gridOf(summary);
  const caches = [
    ...grid.intervals.map((interval) => grid.at("uniform", interval, 0)),
    ...(grid.intervals.includes(SHOWN) ? [grid.at("centered", SHOWN, 0)] : []),
  ];
  const shown = new Set([grid.baseline, ...caches].map(({ name }) => name));
  for (const { equalCompute } of caches) for (const { against } of equalCompute) shown.add(against);
  return { ...summary, policies: summary.policies.filter(({ name }) => shown.has(name)).map(shortened) };
}

const shortened = (policy: PolicySummary): PolicySummary => ({
  ...policy,
  measures: only(policy.measures, MEASURES),
  equalCompute: policy.equalCompute.map((verdict) => ({ ...verdict, measures: only(verdict.measures, JUDGED) })),
});

function only<T>(
  measures: Readonly<Partial<Record<MeasureName, T>>>,
  names: readonly MeasureName[],
): Readonly<Partial<Record<MeasureName, T>>> {
  const kept: Partial<Record<MeasureName, T>> = {};
  for (const name of names) if (measures[name] !== undefined) kept[name] = measures[name];
  return kept;
}
