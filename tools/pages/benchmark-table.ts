import { markdownTable } from "../../src/benchmark/report/markdown.ts";
import type { BenchmarkReport, BranchReport } from "../../src/benchmark/report/report.ts";

/** What the table says of a model beside its measurements. */
interface TableEntry {
  readonly title: string;
  /** The branch of the paper's measurements, and its speed-ups by interval (Ma, Fang & Wang, tables 1, 2 and 13). */
  readonly paper?: { readonly branch: number; readonly speedup: Readonly<Record<number, number>> };
}

/** The models of the table in its order, by the names that reports carry. */
const ENTRIES: Readonly<Record<string, TableEntry>> = {
  "stable-diffusion-v1-5": {
    title: "Stable Diffusion 1.5, 512×512",
    paper: { branch: 1, speedup: { 2: 1.45, 3: 1.72, 5: 2.15 } },
  },
  "ldm-4-g": {
    title: "LDM-4-G, ImageNet 256×256",
    paper: { branch: 0, speedup: { 2: 1.88, 3: 2.65, 5: 4.12, 10: 6.96 } },
  },
  "ddpm-lsun": { title: "DDPM, LSUN 256×256", paper: { branch: 2, speedup: { 2: 1.29, 3: 1.43, 5: 1.48 } } },
  "ddpm-cifar10": {
    title: "DDPM, CIFAR-10 32×32",
    paper: { branch: 2, speedup: { 2: 1.4, 3: 1.61, 5: 1.85, 10: 2.07 } },
  },
  "fluent-scenes": { title: "the embedded model, 64×64" },
};

const INTERVALS = [2, 3, 5, 10];

/** What tables call the models, by the names that reports carry. */
export const TITLES: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(ENTRIES).map(([name, { title }]) => [name, title]),
);

/** The table of speed-ups: a row for every branch of every report. */
export function benchmarkTable(reports: readonly BenchmarkReport[]): string {
  const order = Object.keys(ENTRIES);
  const stranger = reports.find(({ architecture }) => !order.includes(architecture));
  if (stranger !== undefined) {
    throw new RangeError(`Cannot put "${stranger.architecture}" into the table: it has ${order.join(", ")}`);
  }
  const sorted = reports.toSorted((a, b) => order.indexOf(a.architecture) - order.indexOf(b.architecture));
  const headings = ["model, batch", "branch", "MACs full", "cached", ...INTERVALS.map((interval) => `N = ${interval}`)];
  const rows = sorted.flatMap((report) => report.branches.map((branch) => tableRow(report, branch)));
  return [markdownTable([headings, ...rows]), "", ...machinesOf(reports)].join("\n");
}

function tableRow({ architecture, batch }: BenchmarkReport, branch: BranchReport): string[] {
  const { title = architecture, paper } = ENTRIES[architecture] ?? {};
  const published = paper?.branch === branch.branch ? paper.speedup : {};
  return [
    `${title}, ${batch}`,
    String(branch.branch),
    perSample(branch.full.macs, batch),
    perSample(branch.cached.macs, batch),
    ...INTERVALS.map((interval) => {
      const speedup = branch.speedup[interval];
      const fraction = branch.fraction[interval];
      if (speedup === undefined || fraction === undefined) return "–";
      const beside = published[interval] === undefined ? "" : `, paper ${published[interval].toFixed(2)}×`;
      return `**${speedup.toFixed(2)}×** (${(100 * fraction).toFixed(0)} %${beside})`;
    }),
  ];
}

const perSample = (macs: number, batch: number): string => {
  const giga = macs / batch / 1e9;
  return `${giga.toFixed(giga < 10 ? 2 : 1)} G`;
};

function machinesOf(reports: readonly BenchmarkReport[]): string[] {
  const machines = reports.map(
    ({ machine }) =>
      `${machine.cpu}, ${machine.threads ?? machine.cores} cores, ${machine.device}, ${machine.runtime}, Node ${machine.node}`,
  );
  return [...new Set(machines)].map((machine) => `Measured on ${machine}.`);
}
