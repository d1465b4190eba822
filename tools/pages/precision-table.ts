import { markdownTable } from "../../src/benchmark/report/markdown.ts";
import { timesOf } from "../../src/benchmark/statistics.ts";

/** What benchmarks/precisions.js measured: every process gives a sample for each branch, in turn. */
export interface MeasuredPrecisions {
  readonly machine: {
    readonly cpu: string;
    readonly cores: number;
    /** Vector and tile units; null where the system does not say. */
    readonly units: readonly string[] | null;
    readonly node: string;
    readonly threads?: number;
  };
  readonly versions: { readonly runtime: string; readonly openvino?: string; readonly pytorch: string };
  readonly samples: readonly PrecisionSample[];
}

interface PrecisionSample {
  readonly engine: string;
  readonly precision: string;
  readonly branch: number;
  readonly full: number;
  readonly cached: number;
  readonly peak: number;
}

/** A run of so many evaluations, of which every fifth is full. */
const EVALUATIONS = 50;
const FULL = EVALUATIONS / 5;

/** The tables of docs/performance.md, a machine each. */
export const precisionTables = (reports: readonly MeasuredPrecisions[]): string =>
  reports.length === 0
    ? "Not measured on a quiet machine yet: `node benchmarks/precisions.js` writes a table for the machine that it runs on."
    : reports.map(table).join("\n\n");

function table({ machine, versions, samples }: MeasuredPrecisions): string {
  const branches = [...new Set(samples.map(({ branch }) => branch))];
  const [first = 0] = branches;
  const kinds = [...new Set(samples.map(({ engine, precision }) => `${engine}, ${precision}`))];
  const medianOf = (kind: string, branch: number, what: "full" | "cached" | "peak"): number =>
    timesOf(
      samples
        .filter((sample) => `${sample.engine}, ${sample.precision}` === kind && sample.branch === branch)
        .map((sample) => sample[what]),
    ).seconds;
  const runOf = (kind: string, branch: number): number =>
    FULL * medianOf(kind, branch, "full") + (EVALUATIONS - FULL) * medianOf(kind, branch, "cached");
  const [own = ""] = kinds;
  const besides = (value: number, other: number): string => `${seconds(value)} (${(value / other).toFixed(2)})`;
  const rows = kinds.map((kind) => [
    kind,
    besides(medianOf(kind, first, "full"), medianOf(own, first, "full")),
    ...branches.map((branch) => besides(medianOf(kind, branch, "cached"), medianOf(own, branch, "cached"))),
    ...branches.map((branch) => besides(runOf(kind, branch), runOf(own, branch))),
    (medianOf(kind, first, "peak") / 1e9).toFixed(2),
  ]);
  const headings = [
    "",
    "full",
    ...branches.map((branch) => `cached, branch ${branch}`),
    ...branches.map((branch) => `${EVALUATIONS} evaluations, N = 5, branch ${branch}`),
    "peak, GB",
  ];
  const processes = samples.filter(
    ({ engine, precision, branch }) => `${engine}, ${precision}` === own && branch === first,
  ).length;
  const engines = [versions.runtime, versions.openvino && `OpenVINO ${versions.openvino}`, `torch ${versions.pytorch}`];
  return [
    markdownTable([headings, ...rows]),
    "",
    `Seconds, and in parentheses how many times those of the first row; medians of ${processes} processes each, in turn. ${machine.cpu}, ` +
      `${machine.threads ?? machine.cores} of ${machine.cores} cores, ${(machine.units ?? []).join(", ") || "units not known"}; ` +
      `${engines.filter(Boolean).join(", ")}, Node ${machine.node}.`,
  ].join("\n");
}

const seconds = (value: number): string => `${value.toFixed(value < 1 ? 3 : value < 10 ? 2 : 1)} s`;
