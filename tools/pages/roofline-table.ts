import { markdownTable } from "../../src/benchmark/report/markdown.ts";
import type { BenchmarkReport, EvaluationCost } from "../../src/benchmark/report/report.ts";
import { TITLES } from "./benchmark-table.ts";

/** The interval that the table is about, as most of the paper's are. */
const INTERVAL = "5";

/** The table of docs/performance.md: evaluations beside the time that they take at least, and what that means for the speed-up. */
export function rooflineTable(reports: readonly BenchmarkReport[]): string {
  const order = Object.keys(TITLES);
  const sorted = reports.toSorted((a, b) => order.indexOf(a.architecture) - order.indexOf(b.architecture));
  const headings = [
    "model, batch",
    "branch",
    "full",
    "cached",
    `N = ${INTERVAL}`,
    "as published",
    "as computed",
    "roofline",
  ];
  const rows = sorted.flatMap(({ architecture, batch, branches }) =>
    branches.map(({ branch, full, cached, speedup, limit, hoistedLimit, roofline }) => [
      `${TITLES[architecture] ?? architecture}, ${batch}`,
      String(branch),
      cell(full),
      cell(cached),
      ...[`**${times(speedup[INTERVAL])}**`, times(limit[INTERVAL]), times(hoistedLimit[INTERVAL])],
      times(roofline[INTERVAL]),
    ]),
  );
  const peaks = sorted.map(({ machine: { gemmGflops, convGflops, softmaxGexps } }) => [
    gemmGflops,
    convGflops,
    softmaxGexps,
  ]);
  const best = [0, 1, 2].map((i) => Math.max(...peaks.map((peak) => peak[i] ?? 0)));
  const [gemm = 0, conv = 0, exps = 0] = best;
  return [
    markdownTable([headings, ...rows]),
    "",
    "Seconds, and in parentheses how much of them the roofline accounts for. The machine's best: " +
      `${gemm.toFixed(0)} GFLOP/s in a matrix product, ${conv.toFixed(0)} GFLOP/s in a convolution, ${exps.toFixed(1)} · 10⁹ exponentials a ` +
      "second in softmax; each report has its own.",
  ].join("\n");
}

const cell = ({ seconds, floorSeconds }: EvaluationCost): string =>
  `${seconds < 0.1 ? seconds.toFixed(4) : seconds.toFixed(3)} s (${((100 * floorSeconds) / seconds).toFixed(0)} %)`;

const times = (value = Number.NaN): string => `${value.toFixed(2)}×`;
