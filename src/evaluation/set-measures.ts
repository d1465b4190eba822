import { type FeatureStatistics, frechetDistance } from "../metrics/frechet-distance.ts";
import { FLOAT_BYTES, readReference, storedStatistics, vectorsIn } from "./feature-files.ts";
import { imagesOf } from "./items.ts";
import type { MeasureName } from "./measures.ts";
import { featureFile } from "./records.ts";
import type { EvaluationSettings } from "./settings.ts";
import type { Jackknifed } from "./statistics.ts";
import type { Store } from "./store.ts";

/** Values of measures of whole sets, by policy. */
export type SetValues = ReadonlyMap<string, Readonly<Partial<Record<MeasureName, Jackknifed>>>>;

/** One policy's value less another's, group by group. */
export const lessSet = (a: Jackknifed, b: Jackknifed): Jackknifed => ({
  value: a.value - b.value,
  without: a.without.map((value, i) => value - b.without[i]!),
});

/** Images i, i + 20, i + 40, … are one group. */
const GROUPS = 20;

/** How measures of whole sets are computed from the features of a network. */
const SET_MEASURES = {
  fd: { output: "scene", compute: frechetDistance },
} as const satisfies Partial<
  Record<
    MeasureName,
    {
      readonly output: string;
      readonly compute: (reference: FeatureStatistics, own: FeatureStatistics) => number;
    }
  >
>;

/** The feature outputs that a complete evaluation holds, with the widths of their vectors. */
export function featureWidths(store: Store, settings: EvaluationSettings): Readonly<Record<string, number>> {
  const outputs = [...new Set(setMeasures(settings.metrics).map(([, { output }]) => output))];
  const [policy] = settings.policies;
  return Object.fromEntries(
    outputs.map((output) => {
      const size = policy === undefined ? 0 : (store.size(featureFile(output, policy.name)) ?? 0);
      return [output, size / FLOAT_BYTES / imagesOf(settings)];
    }),
  );
}

const setMeasures = (metrics: readonly MeasureName[]) =>
  Object.entries(SET_MEASURES).filter(([name]) => (metrics as readonly string[]).includes(name));

/** Compares the features of every policy's images with the reference's. */
export function measureSets(store: Store, settings: EvaluationSettings): SetValues {
  const values = new Map<string, Record<string, Jackknifed>>(settings.policies.map(({ name }) => [name, {}]));
  const widths = featureWidths(store, settings);
  for (const [measure, { output, compute }] of setMeasures(settings.metrics)) {
    const reference = readReference(store, output);
    for (const [name, own] of values) {
      const [file, width] = [featureFile(output, name), widths[output] ?? 0];
      const whole = storedStatistics(store, file, width);
      own[measure] = {
        value: compute(reference, whole),
        without: groupsLeftOut(store, file, whole).map((rest) => compute(reference, rest)),
      };
    }
  }
  return values;
}

/**
 * The statistics of a file's vectors where one group after the other is left out, from sums over the groups; none of
 * so few vectors that two are not left of every rest.
 */
export function groupsLeftOut(
  store: Store,
  name: string,
  { mean, covariance }: FeatureStatistics,
): FeatureStatistics[] {
  const width = mean.length;
  const count = (store.size(name) ?? 0) / (FLOAT_BYTES * width);
  const groups = Array.from({ length: Math.min(GROUPS, count) }, () => ({
    count: 0,
    sum: new Float64Array(width),
    products: new Float64Array(width * width),
  }));
  let at = 0;
  for (const vector of vectorsIn(store, name, width)) {
    const group = groups[at++ % groups.length]!;
    const centered = mean.map((value, i) => vector[i]! - value);
    group.count++;
    for (let i = 0; i < width; i++) {
      group.sum[i]! += centered[i]!;
      for (let j = 0; j < width; j++) group.products[i * width + j]! += centered[i]! * centered[j]!;
    }
  }
  if (groups.some((group) => count - group.count < 2)) return [];
  return groups.map((group) => {
    const rest = count - group.count;
    const shift = group.sum.map((value) => -value / rest);
    const data = covariance.data.map((value, k) => {
      const means = shift[Math.floor(k / width)]! * shift[k % width]!;
      return ((count - 1) * value - group.products[k]! - rest * means) / (rest - 1);
    });
    return { mean: mean.map((value, i) => value + shift[i]!), covariance: { rows: width, columns: width, data } };
  });
}
