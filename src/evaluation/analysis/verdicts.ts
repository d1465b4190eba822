import { type MeasureName, measureNamed } from "../measures.ts";
import { lessSet, type SetValues } from "../measuring/set-measures.ts";
import { differenceOf, type Interval, intervalOf, jackknifeInterval, resample } from "../measuring/statistics.ts";
import type { EvaluatedPolicy } from "../workload/items.ts";
import type { Outcome, PolicySummary, Verdict } from "./policy-summary.ts";
import type { PolicyValues } from "./values.ts";

/** How many more operations still count as equal compute. */
const TOLERANCE = 1.05;

/** How many more operations the next larger run may take that is held against a policy as well. */
const NEXT = 1.15;

/** The interval of a measure's mean, or of its difference from another policy's. */
export type Intervals = (policy: string, measure: MeasureName, against?: string) => Interval | undefined;

/**
 * Intervals of every measure of every policy and of its differences from other policies: by the bootstrap for means over
 * images, on the same drawings for all, and by the jackknife for measures of whole sets.
 */
export function intervalsOf(
  policies: readonly EvaluatedPolicy[],
  values: ReadonlyMap<string, PolicyValues>,
  sets: SetValues,
): Intervals {
  const columns = policies.flatMap(({ name }) =>
    [...(values.get(name)?.measures ?? [])].map(([measure, column]) => ({ key: keyOf(name, measure), column })),
  );
  const resampled = columns.length === 0 ? [] : resample(columns.map(({ column }) => column));
  const byKey = new Map(columns.map(({ key }, i) => [key, resampled[i]]));
  return (policy, measure, against) => {
    if (policy === against) return undefined;
    const [own, set] = [byKey.get(keyOf(policy, measure)), sets.get(policy)?.[measure]];
    if (against === undefined) return own === undefined ? set && jackknifeInterval(set) : intervalOf(own);
    const [other, otherSet] = [byKey.get(keyOf(against, measure)), sets.get(against)?.[measure]];
    if (own !== undefined && other !== undefined) return intervalOf(differenceOf(own, other));
    if (set !== undefined && otherSet !== undefined) return jackknifeInterval(lessSet(set, otherSet));
    return undefined;
  };
}

const keyOf = (policy: string, measure: string): string => JSON.stringify([policy, measure]);

type Costed = Omit<PolicySummary, "equalCompute">;

/**
 * Compares a cached policy with every sampler's dearest run without a cache that takes as many operations at most; where
 * that takes fewer, with the next larger one as well. Another schedule is compared with the uniform one that differs from
 * it in nothing else, a forecast with copies at the same branch of the same sampler that take as many operations.
 */
export function verdictsOf(policy: Costed, all: readonly Costed[], interval: Intervals): Verdict[] {
  if (policy.cache.kind === "off") return [];
  const rivals = [...new Set(all.map(({ sampler }) => sampler))].flatMap((sampler) => rivalsOf(policy, all, sampler));
  const others = all.filter((other) => isEvenTwin(other, policy) || isCopyOfLikeCost(other, policy));
  return [...rivals, ...others].map((other) => ({
    against: other.name,
    macsRatio: other.macs / policy.macs,
    measures: Object.fromEntries(
      Object.entries(policy.measures).flatMap(([name, { mean }]) => {
        const measure = name as MeasureName;
        const theirs = other.measures[measure];
        if (theirs === undefined) return [];
        const difference = interval(policy.name, measure, other.name) ?? { mean: mean - theirs.mean };
        return [[measure, { result: resultOf(difference, measure), difference }]];
      }),
    ),
  }));
}

function rivalsOf(policy: Costed, all: readonly Costed[], sampler: string): Costed[] {
  const byCost = all
    .filter((other) => other.cache.kind === "off" && other.sampler === sampler)
    .sort((a, b) => a.macs - b.macs);
  const dearest = byCost.findLast(({ macs }) => macs <= policy.macs * TOLERANCE);
  if (dearest !== undefined && dearest.macs >= policy.macs) return [dearest];
  const next = byCost.find(({ macs }) => macs >= policy.macs && macs <= policy.macs * NEXT);
  return [dearest, next].flatMap((rival) => rival ?? []);
}

/** Whether `other` computes as much as `policy` at the same places, but spreads it evenly. */
const isEvenTwin = ({ cache, sampler, steps, macs }: Costed, policy: Costed): boolean =>
  cache.kind === "uniform" &&
  policy.cache.kind !== "uniform" &&
  policy.cache.kind !== "off" &&
  cache.branch === policy.cache.branch &&
  sampler === policy.sampler &&
  steps === policy.steps &&
  macs === policy.macs;

/** Whether `other` copies the feature where `policy` forecasts it, and takes as many operations, 5 % more or less. */
const isCopyOfLikeCost = (other: Costed, policy: Costed): boolean =>
  standInOf(policy) === "forecast" &&
  standInOf(other) === "copy" &&
  other.sampler === policy.sampler &&
  branchOf(other) === branchOf(policy) &&
  other.macs <= policy.macs * TOLERANCE &&
  policy.macs <= other.macs * TOLERANCE;

const branchOf = ({ cache }: Costed): number | undefined => (cache.kind === "off" ? undefined : cache.branch);

/** What stands in for the trunk on cached evaluations. */
const standInOf = ({ cache }: Costed): "copy" | "forecast" | undefined =>
  cache.kind === "off" ? undefined : cache.forecast === undefined ? "copy" : "forecast";

function resultOf({ mean, low = 0, high = 0 }: Outcome["difference"], measure: MeasureName): Outcome["result"] {
  if (low <= 0 && high >= 0) return "ties";
  const isHigher = mean > 0;
  return isHigher === (measureNamed(measure).better === "higher") ? "wins" : "loses";
}

/**
 * The verdicts in words, losses first: "loses to steps:12 (PSNR; wins SSIM); beats ddim:13; ties with dpmpp-2m:13". A
 * policy beats a run if it wins some measures and loses none; they are named unless it wins all.
 */
export function verdictText({ equalCompute }: Pick<PolicySummary, "equalCompute">): string {
  const texts = equalCompute.flatMap(({ against, measures }) => {
    const labels = (result: Outcome["result"]): string =>
      Object.entries(measures)
        .filter(([, own]) => own.result === result)
        .map(([name]) => measureNamed(name as MeasureName).label)
        .join(", ");
    if (Object.keys(measures).length === 0) return [];
    const [lost, won, tied] = [labels("loses"), labels("wins"), labels("ties")];
    if (lost !== "") return `loses to ${against} (${lost}${won === "" ? "" : `; wins ${won}`})`;
    if (won !== "") return `beats ${against}${tied === "" ? "" : ` (${won})`}`;
    return `ties with ${against}`;
  });
  return texts.sort((a, b) => Number(b.startsWith("loses")) - Number(a.startsWith("loses"))).join("; ");
}
