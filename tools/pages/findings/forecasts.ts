import type { Outcome, PolicySummary, Summary, Verdict } from "../../../src/evaluation/analysis/policy-summary.ts";
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
  if (cache.forecast === undefined) return "copied";
  return TUNED.test(name) ? "tuned" : "forecast";
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
    ...MEASURES.map((measure) => outcomeText(measure, outcomeOf(pair, measure))),
  ]);
  return markdownTable(head, rows);
}

/** A difference with its interval: bold where it is for the better, slanted where it is for the worse. */
function outcomeText(measure: MeasureName, outcome: Outcome | undefined): string {
  if (outcome === undefined) return "";
  const { mean, low = mean, high = mean } = outcome.difference;
  const text = changeText({ mean, low, high }, measureNamed(measure).digits);
  return outcome.result === "wins" ? `**${text}**` : outcome.result === "loses" ? `*${text}*` : text;
}

/** A forecast, and a copy of the same sampler that takes as many operations. */
interface Copied {
  readonly forecast: PolicySummary;
  readonly copy: PolicySummary;
  readonly measures: Verdict["measures"];
}

function copiesOf({ policies }: Summary): Copied[] {
  const copies = new Map(
    policies.filter((policy) => standInOf(policy) === "copied").map((policy) => [policy.name, policy]),
  );
  return policies.flatMap((forecast) =>
    forecast.equalCompute.flatMap(({ against, measures }) => {
      const copy = copies.get(against);
      return copy === undefined || standInOf(forecast) === "copied" ? [] : [{ forecast, copy, measures }];
    }),
  );
}

/** Forecasts beside copies of the same sampler that take as many operations. */
export function copiesTable(summary: Summary): string {
  const head = [
    ...["forecast", "FSE", "PSNR", "copied", "FSE", "PSNR"],
    ...MEASURES.map((name) => `${measureNamed(name).label}, difference`),
  ];
  const rows = copiesOf(summary).map(({ forecast, copy, measures }) => [
    ...[forecast, copy].flatMap((own) => [`\`${own.name}\``, own.fse.toFixed(1), valueText(own, "psnr")]),
    ...MEASURES.map((measure) => outcomeText(measure, measures[measure])),
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
  const kinds = STAND_INS.map((standIn) => {
    const own = pairs.filter((pair) => pair.standIn === standIn);
    return claim(SAYS[standIn], (measure) => own.map((pair) => outcomeOf(pair, measure)));
  });
  const copies = copiesOf(summary);
  const copied = claim("At equal compute a forecast feature beats a copied one on the same sampler.", (measure) =>
    copies.map(({ measures }) => measures[measure]),
  );
  return [...kinds, copied].flat();
}

/** A claim of some pairs, none where there are none: it holds where some are better and none are worse. */
function claim(says: string, outcomes: (measure: MeasureName) => readonly (Outcome | undefined)[]): Claim[] {
  const pairs = outcomes("psnr").length;
  if (pairs === 0) return [];
  const counts = MEASURES.map((measure) => ({ measure, ...tally(outcomes(measure)) }));
  const gains = outcomes("psnr").flatMap((outcome) => outcome?.difference.mean ?? []);
  const texts = counts.map((count) => `${measureNamed(count.measure).label} ${wordsOf(count)}`);
  return [
    {
      says,
      holds: counts.some(({ wins }) => wins > 0) && counts.every(({ loses }) => loses === 0),
      because: `${pairs} pairs: ${texts.join("; ")}. PSNR ${gainText(gains)}.`,
    },
  ];
}

const signed = (value: number): string => `${value > 0 ? "+" : ""}${value.toFixed(1)}`.replace("-", "−");
const gainText = (gains: readonly number[]): string =>
  `differs by ${signed(Math.min(...gains))} to ${signed(Math.max(...gains))} dB`;
