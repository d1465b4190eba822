import type { Summary } from "../../../src/evaluation/analysis/policy-summary.ts";
import { replaceMarked } from "../marked.ts";
import type { MeasuredTimes } from "../quality-table.ts";
import { type Claim, claimsOf, type Speedups } from "./claims.ts";
import { copiesTable, forecastClaims, forecastSetting, forecastTable } from "./forecasts.ts";
import { type Grid, gridOf } from "./grid.ts";
import { type FindingsPlot, findingsPlot } from "./plots.ts";
import * as tables from "./tables.ts";

/** The plots of the page by their file names. */
const PLOTS: Readonly<Record<string, FindingsPlot>> = {
  "findings-psnr.svg": { measure: "psnr", schedule: "uniform", branches: [0, 1, 2, 3], without: ["pndm"] },
  "findings-clip.svg": { measure: "clip", schedule: "uniform", branches: [0, 1, 2, 3], without: ["pndm"] },
  "findings-fd.svg": { measure: "fd", schedule: "uniform", branches: [0, 1, 2, 3], without: ["pndm"] },
};

/** The drawings of the page by their file names. */
export function findingsPlots(summary: Summary): Readonly<Record<string, string>> {
  const grid = gridOf(summary);
  return Object.fromEntries(Object.entries(PLOTS).map(([name, plot]) => [name, findingsPlot(grid, plot)]));
}

/** What the page is made from. */
export interface FindingsSources {
  /** Both schedules at every interval and branch. */
  readonly summary: Summary;
  /** Branch 0 alone, with more images. */
  readonly shallow: Summary;
  /** Copies, forecasts and tuned profiles on several samplers, against a run of many steps. */
  readonly forecasts: Summary;
  readonly forecastTimes: MeasuredTimes;
  readonly speedups: Speedups;
}

/** The parts of the page that follow from evaluations, by the names of their marks. */
function sectionsOf(sources: FindingsSources): Readonly<Record<string, string>> {
  const { forecasts, forecastTimes, speedups } = sources;
  const [grid, shallow] = [gridOf(sources.summary), gridOf(sources.shallow)];
  const claims = [...claimsOf(grid, shallow, speedups), ...forecastClaims(forecasts)];
  return {
    setting: `${setting(grid)} Statements about branch 0 are from ${shallow.summary.images} images.`,
    holds: list(claims.filter(({ holds }) => holds)),
    fails: list(claims.filter(({ holds }) => !holds)),
    cost: tables.costTable(grid),
    psnr: tables.measureTable(grid, "uniform", "psnr"),
    clip: tables.changeTable(grid, "uniform", "clip"),
    fd: tables.changeTable(grid, "uniform", "fd"),
    schedules: tables.scheduleTable(grid, "psnr"),
    verdicts: tables.verdictCounts(grid),
    shallow: tables.verdictTableAt(shallow, 0, ["psnr", "clip", "fd"]),
    reference: forecastSetting(forecasts),
    forecasts: forecastTable(forecasts, forecastTimes),
    copies: copiesTable(forecasts),
    full: tables.fullTable(grid),
  };
}

const list = (claims: readonly Claim[]): string =>
  claims.length === 0 ? "None." : claims.map(({ says, because }) => `- **${says}** ${because}`).join("\n");

function setting({ summary, baseline, intervals, branches }: Grid): string {
  const ratios = summary.policies.flatMap(({ equalCompute }) => equalCompute.map(({ macsRatio }) => macsRatio));
  const [least, most] = [Math.min(...ratios), Math.max(...ratios)].map((ratio) => (100 * ratio).toFixed(0));
  const uncached = summary.policies.filter(({ cache }) => cache.kind === "off").length;
  return (
    `${summary.images} images per policy, ${summary.policies.length} policies: the baseline, ${baseline.steps} steps of PNDM ` +
    `(${baseline.evaluations} evaluations, ${(baseline.macs / 1e9).toFixed(1)} GMACs an image); intervals ${intervals.join(", ")} at branches ` +
    `${branches[0]} to ${branches.at(-1)} under both schedules, and ${summary.policies.length - uncached - 2 * intervals.length * branches.length} more ` +
    `non-uniform ones; ${uncached - 1} runs without a cache, so that every cache meets runs of ${least} to ${most} % of its operations.`
  );
}

/** `page` with what follows from the evaluations renewed. */
export function renewFindings(page: string, sources: FindingsSources): string {
  let renewed = page;
  for (const [name, content] of Object.entries(sectionsOf(sources))) renewed = replaceMarked(renewed, name, content);
  return renewed;
}

/** The speed-ups in a benchmark report of the embedded model. */
export function speedupsOf(report: {
  readonly branches: readonly { readonly branch: number; readonly speedup: Readonly<Record<string, number>> }[];
}): Speedups {
  return new Map(
    report.branches.map(({ branch, speedup }) => [
      branch,
      new Map(Object.entries(speedup).map(([interval, value]) => [Number(interval), value])),
    ]),
  );
}
