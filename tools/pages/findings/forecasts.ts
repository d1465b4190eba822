import type { Outcome, PolicySummary, Summary } from "../../../src/evaluation/analysis/policy-summary.ts";
import { type MeasureName, measureNamed } from "../../../src/evaluation/measures.ts";
import type { MeasuredTimes } from "../quality-table.ts";
import type { Claim } from "./claims.ts";
import { measureOf, tally, wordsOf } from "./grid.ts";
import { changeText, markdownTable, valueText } from "./tables.ts";

/** What stands in for the trunk: its last result, the damped line, or what a search has found. */
const STAND_INS = ["copied", "forecast", "tuned"] as const;
type StandIn = (typeof STAND_INS)[number];

const TUNED = /^profile:/;

function standInOf({ name, cache }: PolicySummary): StandIn | undefined {
  if (cache.kind === "off") return undefined; // of a profile, too: its timesteps alone were tuned
  if (TUNED.test(name)) return "tuned";
  return "forecast" in cache ? "forecast" : "copied";
}

/** A cached run, and the run without a cache that is held against it. */
interface Pair {
  readonly standIn: StandIn;
  readonly cached: PolicySummary;
  readonly fewer: PolicySummary;
}

/** Caches beside fewer steps of the same sampler, what is tuned beside the best run of any: of no less compute, if there is one. */
function pairsOf({ policies }: Summary): Pair[] {
  return policies.flatMap((cached): Pair[] => {
    const standIn = standInOf(cached);
    if (standIn === undefined) return [];
    const rivals = policies
      .filter(({ name, cache }) => cache.kind === "off" && cached.equalCompute.some(({ against }) => against === name))
      .filter(({ sampler }) => standIn === "tuned" || sampler === cached.sampler)
      .sort((a, b) => measureOf(b, "psnr").mean - measureOf(a, "psnr").mean);
    const fewer = rivals.find(({ macs }) => macs >= cached.macs) ?? rivals[0];
    return fewer === undefined ? [] : [{ standIn, cached, fewer }];
  });
}

const outcomeOf = ({ cached, fewer }: Pair, measure: MeasureName): Outcome | undefined =>
  cached.equalCompute.find(({ against }) => against === fewer.name)?.measures[measure];

const MEASURES = ["psnr", "clip", "fd"] as const;

/** Caches and fewer steps, pair by pair: how near both come to the reference, and what both take. */
export function forecastTable(summary: Summary, { policies: times }: MeasuredTimes): string {
  const secondsOf = (policy: string): number => {
    const found = times.find(({ name }) => name === policy);
    if (found === undefined) throw new RangeError(`Cannot tell how long "${policy}" takes: it has no times`);
    return found.secondsPerImage;
  };
  const head = [
    ...["cache", "FSE", "PSNR", "without a cache", "FSE", "PSNR", "time"],
    ...MEASURES.map((name) => `${measureNamed(name).label}, difference`),
  ];
  const rows = pairsOf(summary).map((pair) => [
    ...[pair.cached, pair.fewer].flatMap((policy) => [
      `\`${policy.name}\``,
      policy.fse.toFixed(1),
      valueText(policy, "psnr"),
    ]),
    (secondsOf(pair.cached.name) / secondsOf(pair.fewer.name)).toFixed(2),
    ...MEASURES.map((measure) => {
      const outcome = outcomeOf(pair, measure);
      if (outcome === undefined) return "";
      const { mean, low = mean, high = mean } = outcome.difference;
      const text = changeText({ mean, low, high }, measureNamed(measure).digits);
      return outcome.result === "wins" ? `**${text}**` : outcome.result === "loses" ? `*${text}*` : text;
    }),
  ]);
  return markdownTable(head, rows);
}

/** What was compared with what. */
export function forecastSetting(summary: Summary): string {
  const baseline = summary.policies.find(({ name }) => name === summary.baseline);
  if (baseline === undefined) throw new RangeError("Cannot tell findings: the evaluation has no baseline");
  return `${summary.images} images; the reference is ${baseline.steps} steps of ${baseline.sampler}.`;
}

const SAYS: Readonly<Record<StandIn, string>> = {
  copied: "At equal compute a copied feature beats fewer steps of the same sampler, as seen from a run of many steps.",
  forecast:
    "At equal compute a forecast feature beats fewer steps of the same sampler, as seen from a run of many steps.",
  tuned: "At equal compute a tuned profile beats the best run without a cache of any sampler.",
};

/** Whether caches beat runs without one, by what stands in for the trunk. */
export function forecastClaims(summary: Summary): Claim[] {
  const pairs = pairsOf(summary);
  return STAND_INS.flatMap((standIn) => {
    const own = pairs.filter((pair) => pair.standIn === standIn);
    if (own.length === 0) return [];
    const counts = MEASURES.map((measure) => ({ measure, ...tally(own.map((pair) => outcomeOf(pair, measure))) }));
    const gains = own.flatMap((pair) => outcomeOf(pair, "psnr")?.difference.mean ?? []);
    return [
      {
        says: SAYS[standIn],
        holds: counts.some(({ wins }) => wins > 0) && counts.every(({ loses }) => loses === 0),
        because:
          `${own.length} pairs: ${counts.map((count) => `${measureNamed(count.measure).label} ${wordsOf(count)}`).join("; ")}. ` +
          `PSNR ${gainText(gains)}.`,
      },
    ];
  });
}

const signed = (value: number): string => `${value > 0 ? "+" : ""}${value.toFixed(1)}`.replace("-", "−");
const gainText = (gains: readonly number[]): string =>
  `differs by ${signed(Math.min(...gains))} to ${signed(Math.max(...gains))} dB`;
