import { type FeatureStatistics, featureStatistics, frechetDistance } from "../../metrics/frechet-distance.ts";
import { inceptionScore } from "../../metrics/inception-score.ts";
import { blocksOf, row, type Samples } from "../../metrics/linear-algebra/matrix.ts";
import { coverage } from "../../metrics/precision-recall.ts";
import type { MeasureName } from "../measures.ts";
import { featureFile } from "../store/records.ts";
import type { EvaluationSettings } from "../store/settings.ts";
import type { Store } from "../store/store.ts";
import { imagesOf } from "../workload/items.ts";
import { FLOAT_BYTES, REFERENCE, readReference, storedSamples } from "./feature-files.ts";
import { SCENE_FEATURES } from "./instruments/scene.ts";
import type { Jackknifed } from "./statistics.ts";

/** Values of measures of whole sets, by policy. */
export type SetValues = ReadonlyMap<string, Readonly<Partial<Record<MeasureName, Jackknifed>>>>;

/** One policy's value less another's, group by group. */
export const lessSet = (a: Jackknifed, b: Jackknifed): Jackknifed => ({
  value: a.value - b.value,
  without: a.without.map((value, i) => value - b.without[i]!),
});

/** Images i, i + 20, i + 40, … are one group. */
const GROUPS = 20;
/** Features above this width have no jackknife: it takes a root for every group, and each takes many seconds. */
const MOST_JACKKNIFED = 512;

/** The features of a policy and what they are compared with. */
export interface ComparedSets {
  readonly own: Samples;
  /** Mean and covariance of the reference. */
  readonly statistics: () => FeatureStatistics;
  /** The reference's own features. */
  readonly reference: () => Samples;
}

const distance = ({ own, statistics }: ComparedSets): Jackknifed => {
  const [reference, whole] = [statistics(), featureStatistics(own)];
  const rests = own.columns > MOST_JACKKNIFED ? [] : groupsLeftOut(own, whole);
  return {
    value: frechetDistance(reference, whole),
    without: rests.map((rest) => frechetDistance(reference, rest)),
  };
};

const alone = (value: number): Jackknifed => ({ value, without: [] });

/** How measures of whole sets are computed from the features of a network. */
const SET_MEASURES = {
  fd: { output: SCENE_FEATURES, compute: distance },
  fid: { output: "pool", compute: distance },
  sfid: { output: "spatial", compute: distance },
  is: { output: "probabilities", compute: ({ own }) => alone(inceptionScore(own, Math.min(10, own.rows)).mean) },
  precision: { output: "pool", compute: ({ own, reference }) => alone(coverage(reference(), own)) },
  recall: { output: "pool", compute: ({ own, reference }) => alone(coverage(own, reference())) },
} as const satisfies Partial<
  Record<MeasureName, { readonly output: string; readonly compute: (sets: ComparedSets) => Jackknifed }>
>;

type SetMeasureName = keyof typeof SET_MEASURES;

/** The outputs of feature networks that measures need. */
export const outputsFor = (metrics: readonly MeasureName[]): readonly string[] => [
  ...new Set(setMeasures(metrics).map(([, { output }]) => output)),
];

/** The feature outputs that a complete evaluation holds, with the widths of their vectors. */
export function featureWidths(store: Store, settings: EvaluationSettings): Readonly<Record<string, number>> {
  const [policy] = settings.policies;
  return Object.fromEntries(
    outputsFor(settings.metrics).map((output) => {
      const size = policy === undefined ? 0 : (store.size(featureFile(output, policy.name)) ?? 0);
      return [output, size / FLOAT_BYTES / imagesOf(settings)];
    }),
  );
}

const setMeasures = (metrics: readonly MeasureName[]) =>
  (Object.entries(SET_MEASURES) as [SetMeasureName, (typeof SET_MEASURES)[SetMeasureName]][]).filter(([name]) =>
    metrics.includes(name),
  );

/** One measure of one set, whose features and reference are found by the output of the network. */
export function measureSet(name: MeasureName, sets: (output: string) => ComparedSets): number {
  const [found] = setMeasures([name]);
  if (found === undefined) throw new RangeError(`Cannot compare sets of images by ${name}`);
  const [, { output, compute }] = found;
  return compute(sets(output)).value;
}

/** Compares the features of every policy's images with the reference's. */
export function measureSets(store: Store, settings: EvaluationSettings): SetValues {
  const values = new Map<string, Record<string, Jackknifed>>(settings.policies.map(({ name }) => [name, {}]));
  const widths = featureWidths(store, settings);
  for (const [measure, { output, compute }] of setMeasures(settings.metrics)) {
    const width = widths[output] ?? 0;
    let held: FeatureStatistics | undefined;
    const statistics = (): FeatureStatistics => {
      held ??= readReference(store, output);
      return held;
    };
    const reference = (): Samples => storedSamples(store, featureFile(output, REFERENCE), width);
    for (const [name, own] of values) {
      own[measure] = compute({ own: storedSamples(store, featureFile(output, name), width), statistics, reference });
    }
  }
  return values;
}

/**
 * The statistics of features where one group after the other is left out, from sums over the groups; none of
 * so few vectors that two are not left of every rest.
 */
export function groupsLeftOut(samples: Samples, { mean, covariance }: FeatureStatistics): FeatureStatistics[] {
  const { rows: count, columns: width } = samples;
  const groups = Array.from({ length: Math.min(GROUPS, count) }, () => ({
    count: 0,
    sum: new Float64Array(width),
    products: new Float64Array(width * width),
  }));
  let at = 0;
  for (const block of blocksOf(samples)) {
    for (let k = 0; k < block.rows; k++) {
      const vector = row(block, k);
      const group = groups[at++ % groups.length]!;
      const centered = mean.map((value, i) => vector[i]! - value);
      group.count++;
      for (let i = 0; i < width; i++) {
        group.sum[i]! += centered[i]!;
        for (let j = 0; j < width; j++) group.products[i * width + j]! += centered[i]! * centered[j]!;
      }
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
