import { markdownTable } from "../../src/benchmark/report/markdown.ts";
import { timesOf } from "../../src/benchmark/statistics.ts";
import { TITLES } from "./benchmark-table.ts";

/** Seconds of evaluations, and the process's largest resident memory in bytes. */
interface Measured {
  readonly full: number;
  readonly cached: number;
  readonly peak: number;
}

/** What benchmarks/against-pytorch.js measured: every process gives a sample, in turn. */
export interface AgainstPytorch {
  readonly machine: { readonly cpu: string; readonly cores: number; readonly node: string };
  /** What was different when it was measured. */
  readonly note?: string;
  /** Of torch and diffusers. */
  readonly versions: string;
  readonly samples: readonly {
    readonly architecture: string;
    readonly batch: number;
    readonly branch: number;
    readonly pytorch: Measured;
    readonly deepcache: Measured;
  }[];
  /** Seconds from the start of a process to the beginning and to the end of the first evaluation of Stable Diffusion 1.5's U-Net. */
  readonly first: readonly Readonly<Record<Side, { readonly loaded: number; readonly first: number }>>[];
}

type Side = "pytorch" | "deepcache";

const median = (values: readonly number[]): number => timesOf(values).seconds;

/** The tables of docs/performance.md, a machine each: medians over the processes, and ours over PyTorch's. */
export const againstPytorchTables = (reports: readonly AgainstPytorch[]): string => reports.map(table).join("\n\n");

function table({ machine, note, versions, samples, first }: AgainstPytorch): string {
  const keyOf = ({ architecture, branch }: (typeof samples)[number]): string => `${architecture} ${branch}`;
  const kinds = new Map(samples.map((sample) => [keyOf(sample), sample]));
  const rows = [...kinds].map(([key, { architecture, batch, branch }]) => {
    const group = samples.filter((sample) => keyOf(sample) === key);
    const of = (side: Side, what: keyof Measured): number => median(group.map((sample) => sample[side][what]));
    const both = (what: "full" | "cached"): string =>
      `${seconds(of("pytorch", what))} / ${seconds(of("deepcache", what))} = **${(of("deepcache", what) / of("pytorch", what)).toFixed(2)}**`;
    const atFive = (side: Side): number => 5 / (1 + (4 * of(side, "cached")) / of(side, "full"));
    return [
      `${TITLES[architecture] ?? architecture}, ${batch}`,
      String(branch),
      both("full"),
      both("cached"),
      `${atFive("pytorch").toFixed(2)}× / ${atFive("deepcache").toFixed(2)}×`,
      `${gigabytes(of("pytorch", "peak"))} / ${gigabytes(of("deepcache", "peak"))}`,
    ];
  });
  const until = (what: "loaded" | "first"): string => {
    const [theirs, ours] = [
      median(first.map(({ pytorch }) => pytorch[what])),
      median(first.map(({ deepcache }) => deepcache[what])),
    ];
    return `${seconds(theirs)} / ${seconds(ours)} = **${(ours / theirs).toFixed(2)}**`;
  };
  return [
    markdownTable([["model, batch", "branch", "full", "cached", "speed-up, N = 5", "peak, GB"], ...rows]),
    "",
    `From the start of the process, weights in the file cache, to the beginning of Stable Diffusion 1.5's first evaluation: ` +
      `${until("loaded")}; to its end: ${until("first")}.`,
    "",
    `PyTorch / deepcache, medians of ${first.length} processes each, in turn. ${machine.cpu}, ${machine.cores} cores; torch ` +
      `and diffusers ${versions}; Node ${machine.node}.${note === undefined ? "" : ` ${note}`}`,
  ].join("\n");
}

const seconds = (value: number): string => `${value.toFixed(value < 1 ? 3 : 2)} s`;
const gigabytes = (bytes: number): string => (bytes / 1e9).toFixed(2);
