import { EvaluationError } from "../errors.ts";
import { isMeasureName, type MeasureName, measureNamed } from "../measures.ts";
import type { SetValues } from "../measuring/set-measures.ts";
import { mean, worstMean } from "../measuring/statistics.ts";
import type { Store } from "../store/store.ts";
import { baselineName, type EvaluatedPolicy } from "../workload/items.ts";
import type { MeasureSummary, PolicySummary, Summary } from "./policy-summary.ts";
import { readPlans, readValues } from "./values.ts";
import { intervalsOf, verdictsOf } from "./verdicts.ts";

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
