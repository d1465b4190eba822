import type { BenchmarkReport, BranchReport, EvaluationCost } from "./report.ts";

/** A table for people: the first row holds the headings. */
export interface ReportTable {
  readonly title: string;
  readonly rows: readonly (readonly string[])[];
}

/** What was measured, in tables: evaluations, speed-up by interval, whole runs. */
export function reportTables(report: BenchmarkReport): ReportTable[] {
  const { runs, branches } = report;
  const apart = branches.flatMap(partRow);
  const narrow = branches.flatMap(precisionRows);
  const first = report.machine.precision ?? "float32";
  return [
    { title: "Evaluations (median, quartiles)", rows: [EVALUATION_HEADINGS, ...evaluationRows(report)] },
    ...(narrow.length === 0 ? [] : [{ title: `In turn with ${first}`, rows: [PRECISION_HEADINGS, ...narrow] }]),
    ...(apart.length === 0 ? [] : [{ title: "Parts in sessions of their own", rows: [["", ...PARTS], ...apart] }]),
    {
      title: `Speed-up over ${report.evaluations} evaluations, from the medians`,
      rows: [
        ["", "interval", "measured", "limit", "limit as computed", "of the limit", "roofline"],
        ...branches.flatMap(intervalRows),
      ],
    },
    ...(runs.length === 0 ? [] : [{ title: "Whole runs", rows: [RUN_HEADINGS, ...runRows(report)] }]),
  ];
}

/** The numbers that stand alone, by name. */
export function reportFacts(report: BenchmarkReport): (readonly [name: string, value: string])[] {
  const { machine, sample, batch, weights } = report;
  const threads = machine.threads === undefined ? "" : `, ${machine.threads} threads`;
  const memory = machine.lowMemory === true ? ", weights left in their files" : "";
  const precision = machine.precision === undefined ? "" : `, ${machine.precision}`;
  return [
    ["model", `${report.architecture}, ${sample.join("×")}, batch ${batch}${weights ? `, random ${weights}` : ""}`],
    [
      "machine",
      `${machine.cpu}, ${machine.cores} cores${threads}${memory}${precision}; ${machine.device}, ${machine.runtime}, Node ${machine.node}`,
    ],
    [
      "its peak",
      `${gflops(machine.gemmGflops)} in a matrix product, ${gflops(machine.convGflops)} in a 3×3 convolution, ` +
        `${machine.softmaxGexps.toFixed(2)} G exponentials/s in softmax`,
    ],
    ["loading", seconds(report.loadSeconds)],
    [
      "first evaluation",
      `${seconds(report.firstEvaluationSinceLoadSeconds)} from loading, ${seconds(report.firstEvaluationSeconds)} from the start of the process`,
    ],
    ["peak memory", `${(report.peakBytes / 1e9).toFixed(2)} GB`],
    ["sampler", `${(1e3 * report.schedulerSeconds).toFixed(3)} ms per evaluation`],
    ["outside of sessions", percent(report.outsideRuntime, 2)],
  ];
}

const EVALUATION_HEADINGS = [
  "",
  "time",
  "quartiles",
  "MACs",
  "computed",
  "GFLOP/s",
  "of the peak",
  "floor",
  "of the time",
];

function evaluationRows({ branches, uncut }: BenchmarkReport): string[][] {
  const row = (name: string, cost: EvaluationCost): string[] => [
    name,
    seconds(cost.seconds),
    cost.quartiles.map(seconds).join("–"),
    giga(cost.macs),
    giga(cost.computedMacs),
    cost.gflops.toFixed(1),
    percent(cost.peakShare),
    seconds(cost.floorSeconds),
    percent(cost.floorSeconds / cost.seconds),
  ];
  return [
    ...(uncut === undefined ? [] : [row("full, uncut", uncut)]),
    ...branches.flatMap(({ branch, full, cached }) => [
      row(`full, branch ${branch}`, full),
      row(`cached, branch ${branch}`, cached),
    ]),
  ];
}

const PRECISION_HEADINGS = ["", "full", "times as fast", "cached", "times as fast", "loading"];

function precisionRows({ branch, precisions = [] }: BranchReport): string[][] {
  return precisions.map(({ precision, full, cached, loadSeconds }) => [
    `${precision}, branch ${branch}`,
    seconds(full.seconds),
    times(full.speedup),
    cached === undefined ? "" : seconds(cached.seconds),
    cached === undefined ? "" : times(cached.speedup),
    seconds(loadSeconds),
  ]);
}

const PARTS = ["head", "trunk", "tail"] as const;

function partRow({ branch, parts }: BranchReport): string[][] {
  const times = PARTS.flatMap((name) => parts[name] ?? []);
  return times.length === 0 ? [] : [[`branch ${branch}`, ...times.map((part) => seconds(part.seconds))]];
}

function intervalRows({ branch, speedup, limit, hoistedLimit, fraction, roofline }: BranchReport): string[][] {
  return Object.keys(speedup).map((interval) => [
    `branch ${branch}`,
    interval,
    times(speedup[interval]),
    times(limit[interval]),
    times(hoistedLimit[interval]),
    percent(fraction[interval]),
    times(roofline[interval]),
  ]);
}

const RUN_HEADINGS = [
  "",
  "sampler",
  "evaluations",
  "full",
  "as full ones",
  "time",
  "speed-up",
  "limit",
  "of it",
  "outside",
];

function runRows({ runs }: BenchmarkReport): string[][] {
  return runs.map((run) => [
    run.name,
    run.sampler,
    String(run.evaluations),
    String(run.full),
    run.fse.toFixed(1),
    seconds(run.seconds),
    times(run.speedup),
    times(run.limit),
    percent(run.fraction),
    percent(run.outsideRuntime, 2),
  ]);
}

const seconds = (value: number): string =>
  value < 0.1 ? `${(1e3 * value).toFixed(2)} ms` : `${value.toFixed(value < 10 ? 3 : 1)} s`;
const giga = (count: number): string => `${(count / 1e9).toFixed(count < 1e9 ? 3 : 1)} G`;
const gflops = (value: number): string => `${value.toFixed(1)} GFLOP/s`;
const times = (value = Number.NaN): string => `${value.toFixed(2)}×`;
const percent = (value = Number.NaN, digits = 0): string => `${(100 * value).toFixed(digits)} %`;
