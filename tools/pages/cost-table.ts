import { markdownTable } from "../../src/benchmark/report/markdown.ts";
import type { PolicySummary, Summary } from "../../src/evaluation/analysis/policy-summary.ts";
import { gridOf } from "./findings/grid.ts";
import type { MeasuredTimes } from "./quality-table.ts";

/** The interval that the first lines of the README show. */
const HEADLINE = 3;

/** What a cache costs and saves at branch 0: a row for each interval. */
export function costTable(summary: Summary, times: MeasuredTimes): string {
  const { intervals, baseline } = gridOf(summary);
  const rows = intervals.map((interval) => {
    const { full, evaluations } = cacheOf(summary, interval);
    const { speedup, psnr, ssim } = measuredOf(summary, times, interval);
    return [`\`cache: ${interval}\``, `${full.length} of ${evaluations}`, `${speedup}×`, `${psnr} dB`, ssim];
  });
  return [
    markdownTable([["", "evaluations of the whole U-Net", "speed-up", "PSNR", "SSIM"], ...rows]),
    "",
    `Speed-up of denoising; PSNR and SSIM against the same images without a cache. ${baseline.steps} steps, means over ` +
      `${summary.images} images, on ${times.machine}.`,
  ].join("\n");
}

/** One measured cache in two sentences. */
export function headline(summary: Summary, times: MeasuredTimes): string {
  const { baseline } = gridOf(summary);
  const { speedup, psnr, ssim, seconds } = measuredOf(summary, times, HEADLINE);
  const whole = secondsOf(times, baseline.name);
  return (
    `The model in the package takes ${whole} s for the ${baseline.steps} steps of an image. With \`cache: ${HEADLINE}\` it takes ` +
    `${seconds} s, **${speedup} times as fast**,\nand the image stays close to the uncached one: SSIM ${ssim}, PSNR ${psnr} dB ` +
    `(${summary.images} images; ${times.machine}).`
  );
}

const cacheOf = (summary: Summary, interval: number): PolicySummary => gridOf(summary).at("uniform", interval, 0);

function measuredOf(summary: Summary, times: MeasuredTimes, interval: number) {
  const { name, measures } = cacheOf(summary, interval);
  const [psnr, ssim] = [measures.psnr?.mean, measures.ssim?.mean];
  const speedup = timesOf(times, name).speedup;
  if (psnr === undefined || ssim === undefined || speedup === undefined) {
    throw new RangeError(`Cannot show what "${name}" costs: its speed-up, PSNR and SSIM are required`);
  }
  return {
    speedup: speedup.toFixed(2),
    psnr: psnr.toFixed(1),
    ssim: ssim.toFixed(3),
    seconds: secondsOf(times, name),
  };
}

function timesOf({ policies }: MeasuredTimes, policy: string): MeasuredTimes["policies"][number] {
  const found = policies.find(({ name }) => name === policy);
  if (found === undefined) throw new RangeError(`Cannot show what "${policy}" costs: it has no times`);
  return found;
}

const secondsOf = (times: MeasuredTimes, policy: string): string => timesOf(times, policy).secondsPerImage.toFixed(2);
