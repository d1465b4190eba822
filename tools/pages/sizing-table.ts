import { markdownTable } from "../../src/benchmark/report/markdown.ts";
import type { BenchmarkReport } from "../../src/benchmark/report/report.ts";
import { TITLES } from "./benchmark-table.ts";

const INTERVALS = [3, 5];

/** What a machine does in an hour of each measured model, from the seconds of its evaluations, and what it takes. */
export function sizingTable(reports: readonly BenchmarkReport[]): string {
  const headings = [
    ...["model", "batch", "evaluations", "memory, GB", "images an hour"],
    ...INTERVALS.map((interval) => `with \`cache: ${interval}\``),
  ];
  const order = Object.keys(TITLES);
  const sorted = reports.toSorted((a, b) => order.indexOf(a.architecture) - order.indexOf(b.architecture));
  return markdownTable([headings, ...sorted.map(rowOf)]);
}

function rowOf({ architecture, batch, evaluations, peakBytes, full, branches }: BenchmarkReport): string[] {
  const [branch] = branches;
  const hourly = (interval: number): string => {
    const fulls = Math.ceil(evaluations / interval);
    const seconds = interval === 1 ? evaluations * full.seconds : runSeconds(fulls, evaluations - fulls, branch);
    return Math.round((3600 * batch) / seconds).toLocaleString("en");
  };
  return [
    ...[TITLES[architecture] ?? architecture, String(batch), String(evaluations)],
    ...[(peakBytes / 1e9).toFixed(2), hourly(1), ...INTERVALS.map(hourly)],
  ];
}

const runSeconds = (fulls: number, others: number, branch: BenchmarkReport["branches"][number] | undefined): number =>
  branch === undefined ? Number.NaN : fulls * branch.full.seconds + others * branch.cached.seconds;
