import { markdownTable } from "../../src/benchmark/report/markdown.ts";
import type { PolicySummary, Summary } from "../../src/evaluation/analysis/policy-summary.ts";
import type { MeasuredTimes } from "./quality-table.ts";

/** The runs that the README's first table shows, by what users say to have them. */
const ROWS: readonly (readonly [flag: string, policy: RegExp])[] = [
  ["nothing: 50 steps of PNDM", /^pndm:50$/],
  ["`--preset quality`", /^dpmpp-2m-karras:36\+listed/],
  ["`--preset balanced`", /^profile:.*@13$/],
  ["`--preset fast`", /^profile:.*@8\.5$/],
];

/** What users get for a flag: how many times faster than the model's own 50 steps, and how near to a run of many steps. */
export function presetTable(summary: Summary, times: MeasuredTimes): string {
  const found = ROWS.map(([flag, pattern]) => {
    const policy = summary.policies.find(({ name }) => pattern.test(name));
    if (policy === undefined) throw new RangeError(`Cannot show "${flag}": the evaluation has no such run`);
    return { flag, policy, seconds: secondsOf(times, policy.name) };
  });
  const [slowest] = found;
  const rows = found.map(({ flag, policy, seconds }) => [
    flag,
    `${((slowest?.seconds ?? seconds) / seconds).toFixed(1)}×`,
    policy.fse.toFixed(1),
    `${meanOf(policy, "psnr").toFixed(1)} dB`,
    meanOf(policy, "clip").toFixed(1),
  ]);
  const reference = summary.policies.find(({ name }) => name === summary.baseline);
  if (reference === undefined) throw new RangeError("Cannot show presets: the evaluation has no reference");
  return [
    markdownTable([["", "speed-up", "full-step equivalents", "PSNR", "CLIP score"], ...rows]),
    "",
    `Speed-up of denoising; PSNR against ${reference.steps} steps of ${reference.sampler}, whose CLIP score is ` +
      `${meanOf(reference, "clip").toFixed(1)}. Means over ${summary.images} images, on ${times.machine}.`,
  ].join("\n");
}

function meanOf({ name, measures }: PolicySummary, measure: "psnr" | "clip"): number {
  const mean = measures[measure]?.mean;
  if (mean === undefined) throw new RangeError(`Cannot show what "${name}" costs: it has no ${measure}`);
  return mean;
}

function secondsOf({ policies }: MeasuredTimes, policy: string): number {
  const found = policies.find(({ name }) => name === policy);
  if (found === undefined) throw new RangeError(`Cannot show what "${policy}" costs: it has no times`);
  return found.secondsPerImage;
}
