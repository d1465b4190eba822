import type { CachePolicy } from "../../deepcache/policies.ts";
import type { PartName } from "../../denoisers/evaluation.ts";
import type { Precision } from "../../runtime/precision.ts";
import type { MachinePeak } from "../machine-peak.ts";
import type { Times } from "../statistics.ts";

/** What was measured, as it is written to JSON. Operations are multiply-adds of the measured batch. */
export interface BenchmarkReport {
  readonly machine: Machine;
  /** Name of the built-in architecture, or of the model's folder or file. */
  readonly architecture: string;
  /** Element type of random weights; the model's own where left out. */
  readonly weights?: string;
  readonly batch: number;
  /** [channels, height, width] of what the U-Net sees. */
  readonly sample: readonly number[];
  /** Evaluations of a run. */
  readonly evaluations: number;
  /** The whole network, cut at the first branch; its weights are loaded once. */
  readonly full: EvaluationCost;
  /** The network in one session, where that was asked for. */
  readonly uncut?: UncutReport;
  readonly branches: readonly BranchReport[];
  readonly runs: readonly RunReport[];
  /** Of the sampler alone, per evaluation. */
  readonly schedulerSeconds: number;
  /** Share of the time outside of ONNX Runtime's sessions: of whole runs, or of evaluations and sampler without runs. */
  readonly outsideRuntime: number;
  /** Largest resident memory of the process once the first network had been measured. */
  readonly peakBytes: number;
  /** Of the first network. */
  readonly loadSeconds: number;
  /** From the start of the process to the end of the first evaluation, without the making of random weights. */
  readonly firstEvaluationSeconds: number;
  /** From the beginning of loading to the end of the first evaluation. */
  readonly firstEvaluationSinceLoadSeconds: number;
}

/** Where it was measured. */
export interface Machine extends MachinePeak {
  readonly cpu: string;
  readonly cores: number;
  readonly node: string;
  readonly runtime: string;
  readonly device: string;
  /** Threads asked for; ONNX Runtime's own choice where left out. */
  readonly threads?: number;
  /** Whether weights were left in their files. */
  readonly lowMemory?: boolean;
  /** What the network was computed in, where it was asked for. */
  readonly precision?: Precision;
}

/** Time and operations of one kind of evaluation. */
export interface EvaluationCost extends Times {
  /** As the method is published. */
  readonly macs: number;
  /** As computed: without what runs once per run or with the trunk only. */
  readonly computedMacs: number;
  /** 10⁹ floating-point operations per second, two for each multiply-add that is computed. */
  readonly gflops: number;
  /** `gflops` over the better one of the machine's peaks. */
  readonly peakShare: number;
  /** What it takes at least: every kind of operation at the machine's peak for it. */
  readonly floorSeconds: number;
}

/** A network that is not cut. */
export interface UncutReport extends EvaluationCost {
  readonly loadSeconds: number;
}

/** Numbers by interval. */
export type ByInterval = Readonly<Record<string, number>>;

/** What caching at one branch takes and gives. */
export interface BranchReport {
  readonly branch: number;
  /** Of the network cut here, in turn with `cached`. */
  readonly full: EvaluationCost;
  readonly cached: EvaluationCost;
  /** The same network in other precisions, in turn with the first; left out where none was asked for. */
  readonly precisions?: readonly PrecisionReport[];
  /** Head, trunk and tail; none where evaluations run in one piece each and parts were not asked for. */
  readonly parts: Readonly<Partial<Record<PartName, Times>>>;
  /** Seconds of a cached evaluation over those of a full one. */
  readonly ratio: number;
  /** From the medians: a run of full evaluations over one of full and cached ones. */
  readonly speedup: ByInterval;
  /** What the operations allow, as the method is published. */
  readonly limit: ByInterval;
  /** What the operations that are left allow. */
  readonly hoistedLimit: ByInterval;
  /** `speedup` over `hoistedLimit`. */
  readonly fraction: ByInterval;
  /** What it would be if full and cached evaluations took their `floorSeconds`. */
  readonly roofline: ByInterval;
  readonly loadSeconds: number;
  /** Largest resident memory of the process so far. */
  readonly peakBytes: number;
}

/** Times in another precision; `speedup` is over the first one's. */
export interface PrecisionReport {
  readonly precision: Precision;
  readonly full: Times & { readonly speedup: number };
  readonly cached?: Times & { readonly speedup: number };
  readonly loadSeconds: number;
}

/** One scenario, run from beginning to end. */
export interface RunReport extends Times {
  readonly name: string;
  /** Where the network was cut. */
  readonly branch: number;
  readonly policy: CachePolicy;
  readonly sampler: string;
  readonly steps: number;
  readonly evaluations: number;
  readonly full: number;
  /** Of the whole run, as computed. */
  readonly macs: number;
  /** Full-step equivalents in operations. */
  readonly fse: number;
  /** Against the run named `off`, or against the median of full evaluations where it is not in the list. */
  readonly speedup: number;
  readonly baseline: "run" | "evaluations";
  /** What the computed operations allow. */
  readonly limit: number;
  readonly fraction: number;
  readonly outsideRuntime: number;
}
