import type { PolicySummary, Summary } from "../../../src/evaluation/analysis/policy-summary.ts";
import { type MeasureName, measureNamed } from "../../../src/evaluation/measures.ts";
import type { Claim } from "./claims.ts";
import { measureOf, RIVALS, SAMPLER_NAMES, tally, wordsOf } from "./grid.ts";
import { changeText, markdownTable, valueText } from "./tables.ts";

/** Of an evaluation whose baseline is a run of many steps: caches on several samplers beside fewer steps of the same sampler. */
interface Pair {
  readonly cached: PolicySummary;
  readonly fewer: PolicySummary;
}

function pairsOf({ policies }: Summary): Pair[] {
  return policies.flatMap((cached) => {
    const fewer = policies.find(
      ({ name, sampler, cache }) =>
        cache.kind === "off" &&
        sampler === cached.sampler &&
        cached.equalCompute.some(({ against }) => against === name),
    );
    return fewer === undefined ? [] : [{ cached, fewer }];
  });
}

const outcomeOf = ({ cached, fewer }: Pair, measure: MeasureName) =>
  cached.equalCompute.find(({ against }) => against === fewer.name)?.measures[measure];

const MEASURES = ["psnr", "clip"] as const;

/** Caches and fewer steps of one sampler, pair by pair: how near both come to the reference. */
export function manyStepsTable(summary: Summary): string {
  const head = [
    "cache",
    "FSE",
    "PSNR",
    "fewer steps",
    "FSE",
    "PSNR",
    ...MEASURES.map((name) => `${measureNamed(name).label}, difference`),
  ];
  const rows = pairsOf(summary).map((pair) => [
    ...[pair.cached, pair.fewer].flatMap((policy) => [
      `\`${policy.name}\``,
      policy.fse.toFixed(1),
      valueText(policy, "psnr"),
    ]),
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

/** What was compared with what, and how near whole runs come. */
export function manyStepsSetting(summary: Summary): string {
  const baseline = summary.policies.find(({ name }) => name === summary.baseline);
  if (baseline === undefined) throw new RangeError("Cannot tell findings: the evaluation has no baseline");
  const whole = summary.policies.filter(
    ({ cache, steps, name }) => cache.kind === "off" && steps >= WHOLE && name !== baseline.name,
  );
  const nearness = whole.map((policy) => `\`${policy.name}\` ${measureOf(policy, "psnr").mean.toFixed(1)} dB`);
  return (
    `${summary.images} images; the reference is ${baseline.steps} steps of ${baseline.sampler}. ` +
    `Whole runs come as near to it as this: ${nearness.join(", ")}.`
  );
}

/** Runs of at least so many steps are whole ones. */
const WHOLE = 50;

/** Whether caches beat fewer steps of the sampler that they run on. */
export function manyStepsClaims(summary: Summary): Claim[] {
  const pairs = pairsOf(summary);
  return RIVALS.map((sampler) => {
    const own = pairs.filter(({ cached }) => cached.sampler === sampler);
    const counts = MEASURES.map((measure) => ({ measure, ...tally(own.map((pair) => outcomeOf(pair, measure))) }));
    const [wins, loses] = [sum(counts.map((count) => count.wins)), sum(counts.map((count) => count.loses))];
    return {
      says: `A cache on ${SAMPLER_NAMES[sampler]} comes nearer to a run of many steps than fewer steps of ${SAMPLER_NAMES[sampler]}.`,
      holds: wins > loses,
      because: `At branch 0, ${own.length} intervals: ${counts.map((count) => `${measureNamed(count.measure).label} ${wordsOf(count)}`).join("; ")}.`,
    };
  });
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
