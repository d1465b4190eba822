import { EvaluationError } from "../errors.ts";
import { isMeasureName, type MeasureName } from "../measures.ts";
import { readJsonLines } from "../store/json-lines.ts";
import { parseResult, parseTiming, RESULTS, TIMINGS } from "../store/records.ts";
import type { Store } from "../store/store.ts";
import type { EvaluatedPolicy } from "../workload/items.ts";

/** The values of one policy, image by image in the order in which they were made. */
export interface PolicyValues {
  readonly macs: Float64Array;
  readonly fse: Float64Array;
  readonly measures: ReadonlyMap<MeasureName, Float64Array>;
}

/** Reads the values of every policy, which must have `images` of them. */
export function readValues(
  store: Store,
  policies: readonly EvaluatedPolicy[],
  images: number,
): ReadonlyMap<string, PolicyValues> {
  const found = new Map(policies.map(({ name }) => [name, emptyValues(images)]));
  for (const { value } of readJsonLines(store, RESULTS)) {
    const { policy, macs, fse, metrics } = parseResult(value);
    const own = found.get(policy);
    if (own === undefined) throw new EvaluationError(`Cannot sum up "${policy}": it is none of the policies`);
    const at = own.count++;
    own.macs[at] = macs;
    own.fse[at] = fse;
    for (const [name, measured] of Object.entries(metrics)) {
      if (!isMeasureName(name)) throw new EvaluationError(`Cannot sum up "${name}": there is no such metric`);
      const column = own.measures.get(name) ?? new Float64Array(images);
      own.measures.set(name, column);
      column[at] = measured;
    }
  }
  for (const [policy, { count }] of found) {
    if (count !== images) throw new EvaluationError(`Cannot sum up "${policy}": it has ${count} of ${images} images`);
  }
  return found;
}

const emptyValues = (images: number) => ({
  count: 0,
  macs: new Float64Array(images),
  fse: new Float64Array(images),
  measures: new Map<MeasureName, Float64Array>(),
});

/** How the run of a policy went, the same for all its images. */
export interface PolicyPlan {
  readonly sampler: string;
  readonly steps: number;
  readonly evaluations: number;
  readonly full: readonly number[];
}

/** Reads the plan of every policy. */
export function readPlans(store: Store): ReadonlyMap<string, PolicyPlan> {
  const plans = new Map<string, PolicyPlan>();
  for (const { value } of readJsonLines(store, TIMINGS)) {
    const { policy, sampler, steps, full, evaluationSeconds } = parseTiming(value);
    if (!plans.has(policy)) plans.set(policy, { sampler, steps, evaluations: evaluationSeconds.length, full });
  }
  return plans;
}
