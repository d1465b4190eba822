import type { EvaluatedPolicy } from "./items.ts";
import { type MeasureName, measureNamed } from "./measures.ts";
import { bootstrapMeans, type Interval } from "./statistics.ts";
import type { PolicySummary } from "./summary.ts";
import type { PolicyValues } from "./values.ts";

/** A cached policy beside one without a cache that takes no more operations. */
export interface Verdict {
  readonly against: string;
  /** Operations of the other over those of the policy. */
  readonly macsRatio: number;
  readonly measures: Readonly<Partial<Record<MeasureName, Outcome>>>;
}

/** Which is better, and by how much; a tie is a difference whose interval holds 0. */
export interface Outcome {
  readonly result: "wins" | "loses" | "ties";
  /** The policy's value less the other's; bounds are missing for measures of whole sets. */
  readonly difference: { readonly mean: number; readonly low?: number; readonly high?: number };
}

/** How many more operations still count as equal compute. */
const TOLERANCE = 1.05;

/** The interval of a measure's mean, or of its difference from another policy's. */
export type Intervals = (policy: string, measure: MeasureName, against?: string) => Interval | undefined;

/** Resamples every measure of every policy, and its differences from all other policies, on the same drawings. */
export function intervalsOf(
  policies: readonly EvaluatedPolicy[],
  values: ReadonlyMap<string, PolicyValues>,
): Intervals {
  const columns = new Map<string, Float64Array>();
  const uncached = policies.filter(({ cache }) => cache.kind === "off");
  for (const [name, { measures }] of values) {
    for (const [measure, own] of measures) {
      columns.set(keyOf(name, measure), own);
      for (const other of uncached) {
        const others = values.get(other.name)?.measures.get(measure);
        if (other.name === name || others === undefined) continue;
        columns.set(
          keyOf(name, measure, other.name),
          own.map((value, i) => value - others[i]!),
        );
      }
    }
  }
  if (columns.size === 0) return () => undefined;
  const intervals = bootstrapMeans([...columns.values()]);
  const byKey = new Map([...columns.keys()].map((key, i) => [key, intervals[i]]));
  return (policy, measure, against) => byKey.get(keyOf(policy, measure, against));
}

const keyOf = (policy: string, measure: string, against = ""): string => JSON.stringify([policy, measure, against]);

type Costed = Omit<PolicySummary, "equalCompute">;

/** Compares a cached policy with the dearest run of every other sampler that takes as many operations at most. */
export function verdictsOf(policy: Costed, all: readonly Costed[], interval: Intervals): Verdict[] {
  if (policy.cache.kind === "off") return [];
  const nearest = new Map<string, Costed>();
  for (const other of all) {
    const isCheaper = other.cache.kind === "off" && other.macs <= policy.macs * TOLERANCE;
    if (isCheaper && other.macs > (nearest.get(other.sampler)?.macs ?? 0)) nearest.set(other.sampler, other);
  }
  return [...nearest.values()].map((other) => ({
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

function resultOf({ mean, low = mean, high = mean }: Outcome["difference"], measure: MeasureName): Outcome["result"] {
  if (low <= 0 && high >= 0) return "ties";
  const isHigher = mean > 0;
  return isHigher === (measureNamed(measure).better === "higher") ? "wins" : "loses";
}

/** The verdicts in words: "loses to steps:12 (PSNR); beats ddim:13; ties with dpmpp-2m:13". */
export function verdictText({ equalCompute }: Pick<PolicySummary, "equalCompute">): string {
  const texts = equalCompute.flatMap(({ against, measures }) => {
    const results = Object.entries(measures).map(([name, { result }]) => ({ name: name as MeasureName, result }));
    if (results.length === 0) return [];
    const lost = results.filter(({ result }) => result === "loses").map(({ name }) => measureNamed(name).label);
    if (lost.length > 0) return `loses to ${against} (${lost.join(", ")})`;
    return results.every(({ result }) => result === "wins") ? `beats ${against}` : `ties with ${against}`;
  });
  return texts.sort((a, b) => Number(b.startsWith("loses")) - Number(a.startsWith("loses"))).join("; ");
}
