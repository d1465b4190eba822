import type { CachePolicy } from "../deepcache/policy.ts";
import { intervalsOf, type Verdict, verdictsOf } from "./equal-compute.ts";
import { EvaluationError } from "./errors.ts";
import { baselineName, type EvaluatedPolicy } from "./items.ts";
import { isMeasureName, type MeasureName, measureNamed } from "./measures.ts";
import type { SetValues } from "./set-measures.ts";
import { type Interval, mean, worstMean } from "./statistics.ts";
import type { Store } from "./store.ts";
import { readPlans, readValues } from "./values.ts";

/** One measure of one policy, summed up over all images. */
export interface MeasureSummary {
  readonly mean: number;
  /** Bounds of the 95 % interval; none where there are too few images to tell. */
  readonly low?: number;
  readonly high?: number;
  /** Mean of the worst twentieth of the images; none for measures of whole sets. */
  readonly worst?: number;
  /** What the policy adds to the baseline's value, paired image by image; none where the measure is such a comparison. */
  readonly difference?: Interval;
}

/** What a policy costs and how good its images are; nothing in it was measured with a clock. */
export interface PolicySummary {
  readonly name: string;
  readonly cache: CachePolicy;
  readonly sampler: string;
  readonly steps: number;
  readonly evaluations: number;
  /** Indices of the evaluations that are full. */
  readonly full: readonly number[];
  /** Operations per image. */
  readonly macs: number;
  /** Full-step equivalents per image. */
  readonly fse: number;
  readonly measures: Readonly<Partial<Record<MeasureName, MeasureSummary>>>;
  /** How a cache fares against fewer steps that take no more operations. */
  readonly equalCompute: readonly Verdict[];
}

/** All that an evaluation found out about quality and compute. */
export interface Summary {
  readonly images: number;
  readonly baseline?: string;
  readonly policies: readonly PolicySummary[];
}

/** Sums up what a store holds of `policies`, each of which has made `images` images. */
export function summarize(
  store: Store,
  policies: readonly EvaluatedPolicy[],
  images: number,
  sets: SetValues = new Map(),
): Summary {
  const values = readValues(store, policies, images);
  const plans = readPlans(store);
  const baseline = baselineName(policies);
  const interval = intervalsOf(policies, values, sets);
  const found = policies.map((policy): Omit<PolicySummary, "equalCompute"> => {
    const { name, cache } = policy;
    const [plan, own] = [plans.get(name), values.get(name)];
    if (plan === undefined || own === undefined) throw new EvaluationError(`Cannot sum up "${name}": it was never run`);
    const measures: Partial<Record<MeasureName, MeasureSummary>> = {};
    for (const [measure, column] of own.measures) {
      const means = interval(name, measure);
      if (means === undefined) continue;
      const difference = baseline === undefined ? undefined : interval(name, measure, baseline);
      const worst = worstMean(column, measureNamed(measure).better);
      measures[measure] = { ...means, worst, ...(difference === undefined ? {} : { difference }) };
    }
    for (const [measure, value] of Object.entries(sets.get(name) ?? {})) {
      if (!isMeasureName(measure)) continue;
      const difference = baseline === undefined ? undefined : interval(name, measure, baseline);
      const own = interval(name, measure) ?? { mean: value.value };
      measures[measure] = { ...own, ...(difference === undefined ? {} : { difference }) };
    }
    return { name, cache, ...plan, macs: mean(own.macs), fse: mean(own.fse), measures };
  });
  return {
    images,
    ...(baseline === undefined ? {} : { baseline }),
    policies: found.map((policy) => ({ ...policy, equalCompute: verdictsOf(policy, found, interval) })),
  };
}
