import { averageMacs } from "../deepcache/cost.ts";
import { checkBranch, cut } from "../deepcache/cut.ts";
import { branchOf } from "../deepcache/policies.ts";
import { separatePrelude } from "../deepcache/prelude.ts";
import { skipCount } from "../models/unet/unet.ts";
import type { Graph } from "../onnx/graph.ts";
import { addMacs, countMacs } from "../onnx/macs.ts";
import { parseScenario, type Scenario } from "../pipelines/run/scenario.ts";
import type { Precision } from "../runtime/precision.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { type MachinePeak, machinePeak, type PeakOptions } from "./machine-peak.ts";
import {
  type LoadedNetwork,
  loadedMacs,
  measureInTurn,
  measureNetwork,
  type NetworkTimes,
  openNetwork,
  type Probe,
} from "./measure-network.ts";
import type { MeasuredBranch } from "./measured-branch.ts";
import { networkFor, openNetworks } from "./open-networks.ts";
import type {
  BenchmarkReport,
  BranchReport,
  EvaluationCost,
  Machine,
  PrecisionReport,
  UncutReport,
} from "./report/report.ts";
import { outsideOf, runReports } from "./report/run-reports.ts";
import { floorSeconds, workOf } from "./roofline.ts";
import { planScenario, type RunTime, runScenario, type ScenarioPlan, schedulerSeconds } from "./run-scenario.ts";
import type { Times } from "./statistics.ts";
import { conditioningOf, networkOf, type Subject, sampleShape } from "./subject.ts";
import { timedRuntime } from "./timed-runtime.ts";

/** What to measure. */
export interface BenchmarkOptions {
  readonly branches: readonly number[];
  readonly intervals: readonly number[];
  /** Whole runs; none where only evaluations are measured. */
  readonly scenarios: readonly Scenario[];
  /** Evaluations of a run. */
  readonly evaluations: number;
  /** Turns of full and cached evaluations. */
  readonly repeat: number;
  /** Turns of whole runs. */
  readonly runRepeat: number;
  /** Whether to measure the network uncut, too. */
  readonly uncut: boolean;
  /** Seconds that went into making random weights before. */
  readonly preparationSeconds?: number;
  /** Whether to time head, trunk and tail in sessions of their own where the network runs in one piece. */
  readonly parts?: boolean;
  /** Sizes of the operations that find the machine's peak. */
  readonly peak?: Omit<PeakOptions, "now" | "signal">;
}

/** Where a benchmark runs. */
export interface BenchmarkEffects {
  readonly runtime: Runtime;
  /** The same in other precisions, which are measured in turn with `runtime` and one another. */
  readonly others?: readonly Runtime[] | undefined;
  readonly machine: Omit<Machine, keyof MachinePeak | "device">;
  readonly probe: Probe;
  /** What goes on, for people. */
  readonly tell?: ((what: string, done: number, of: number) => void) | undefined;
}

/**
 * Measures a U-Net branch by branch, one network in memory at a time: full and cached evaluations in turn, then whole
 * runs in turn. Scenarios without a cache run on the network that is cut at the first branch.
 */
export async function benchmark(
  subject: Subject,
  options: BenchmarkOptions,
  { runtime: inner, others = [], machine, probe, tell }: BenchmarkEffects,
): Promise<BenchmarkReport> {
  const { evaluations, repeat, intervals } = options;
  const branches = branchesOf(options, skipCount(subject.config));
  const plans = options.scenarios.map((scenario) => planScenario(scenario, subject, evaluations));
  const runtime = timedRuntime(inner, probe.now);
  const all = [runtime, ...others.map((other) => timedRuntime(other, probe.now))];
  const conditioning = conditioningOf(subject);
  const watched = (what: string) => ({
    conditioning,
    probe,
    onEvaluation: (done: number, of: number) => tell?.(what, done, of),
  });

  const measured: MeasuredBranch[] = [];
  for (const branch of branches) {
    const own = plans.filter(({ scenario }) => branchFor(scenario, branches) === branch);
    const runs = new Map(own.map((plan): [ScenarioPlan, RunTime[]] => [plan, []]));
    const runInTurn = async (networks: readonly LoadedNetwork[], forecast: boolean): Promise<void> => {
      const these = [...runs].filter(([{ factors }]) => (factors !== undefined) === forecast);
      for (let i = 0; i < options.runRepeat; i++) {
        for (const [plan, done] of these) {
          const { runtime, network } = networkFor(plan.scenario, networks);
          done.push(await runScenario(runtime, subject, network, plan, watched(plan.scenario.name)));
        }
      }
    };
    {
      await using opened = await openNetworks(all, subject, { branch }, probe);
      const { networks } = opened;
      const [times, ...rest] = await measureInTurn(networks, subject, { ...watched(`branch ${branch}`), repeat });
      const peakBytes = probe.peakBytes();
      await runInTurn(networks, false);
      const [first] = networks;
      if (first === undefined || times === undefined) throw new RangeError("Cannot measure without a runtime");
      const narrow = new Map(rest.map((other, i) => [others[i]?.precision ?? "float32", other]));
      measured.push({
        branch,
        times,
        macs: loadedMacs(first.network),
        peakBytes,
        runs,
        parts: times.parts,
        others: narrow,
      });
    }
    if (own.every(({ factors }) => factors === undefined)) continue;
    await using opened = await openNetworks(all, subject, { branch, forecast: true }, probe);
    await runInTurn(opened.networks, true);
  }
  for (const [i, found] of measured.entries()) {
    if (options.parts !== true || found.parts.head !== undefined) continue;
    const apart = timedRuntime({ ...inner, copies: false }, probe.now); // which loads head, trunk and tail
    await using network = await openNetwork(apart, subject, { branch: found.branch }, probe);
    const what = `parts of branch ${found.branch}`;
    const { parts } = await measureNetwork(apart, subject, network, { ...watched(what), repeat });
    measured[i] = { ...found, parts: { ...found.parts, ...parts } };
  }
  const uncut = options.uncut ? await measureUncut() : undefined;
  async function measureUncut(): Promise<NetworkTimes> {
    await using network = await openNetwork(runtime, subject, {}, probe);
    return await measureNetwork(runtime, subject, network, { ...watched("uncut"), repeat });
  }
  const scheduler = await schedulerSeconds(planScenario(parseScenario("off"), subject, evaluations), subject, probe);
  tell?.("the machine's peak", 0, 1);
  const peak = await machinePeak(inner, { ...options.peak, now: probe.now, signal: probe.signal });
  tell?.("the machine's peak", 1, 1);

  const [first] = measured;
  if (first === undefined) throw new RangeError("Cannot measure: at least one branch is required");
  const cost = costs(peak);
  const fullMacs = countMacs(networkOf(subject).graph).total;
  const { full: whole } = computedParts(subject, first.branch);
  const runs = measured.flatMap((branch) => runReports(branch, { evaluations, measured }));
  const own = measured.map((branch) => branchReport(branch, { subject, cost, fullMacs, intervals, evaluations }));
  return {
    machine: { ...machine, device: runtime.device, ...peak },
    architecture: subject.name,
    batch: subject.shape.batch,
    sample: sampleShape(subject).slice(1),
    evaluations,
    full: cost(first.times.full, fullMacs, whole),
    ...(uncut === undefined ? {} : { uncut: uncutReport(uncut, cost(uncut.full, fullMacs, whole)) }),
    branches: own,
    runs,
    schedulerSeconds: scheduler,
    outsideRuntime: outsideOf(measured, scheduler),
    peakBytes: first.peakBytes,
    loadSeconds: first.times.loadSeconds,
    firstEvaluationSeconds: first.times.firstDone - (options.preparationSeconds ?? 0),
    firstEvaluationSinceLoadSeconds: first.times.firstSinceLoad,
  };
}

/** Every branch that is asked for or that a scenario needs, refused where the network lacks it. */
function branchesOf({ branches, scenarios }: BenchmarkOptions, skips: number): number[] {
  const needed = scenarios.flatMap(({ policy }) => branchOf(policy) ?? []);
  const all = [...new Set([...branches, ...needed])];
  for (const branch of all) checkBranch(branch, skips);
  return all;
}

/** The branch on whose network a scenario runs. */
const branchFor = ({ policy }: Scenario, [first = 0]: readonly number[]): number => branchOf(policy) ?? first;

type CostOf = (times: Times, macs: number, graphs: readonly Graph[]) => EvaluationCost;

const costs =
  (peak: MachinePeak): CostOf =>
  (times, macs, graphs) => {
    const work = workOf(graphs);
    const computedMacs = work.convolution + work.product;
    const gflops = (2 * computedMacs) / times.seconds / 1e9;
    const peakShare = gflops / Math.max(peak.gemmGflops, peak.convGflops);
    return { ...times, macs, computedMacs, gflops, peakShare, floorSeconds: floorSeconds(work, peak) };
  };

/** The graphs of every evaluation, as they are computed: what runs once per run is in none. */
function computedParts(subject: Subject, branch: number): { readonly full: Graph[]; readonly cached: Graph[] } {
  const { head, trunk, tail } = cut(separatePrelude(networkOf(subject, branch)).network, branch);
  return { full: [head, trunk, tail], cached: [head, tail] };
}

const uncutReport = ({ loadSeconds }: NetworkTimes, cost: EvaluationCost): UncutReport => ({ ...cost, loadSeconds });

interface BranchContext {
  readonly subject: Subject;
  readonly cost: CostOf;
  readonly fullMacs: number;
  readonly intervals: readonly number[];
  readonly evaluations: number;
}

function branchReport(
  { branch, times, parts, peakBytes, others }: MeasuredBranch,
  context: BranchContext,
): BranchReport {
  const { subject, cost, fullMacs, intervals, evaluations } = context;
  const { head, tail } = cut(networkOf(subject), branch);
  const cachedMacs = addMacs(countMacs(head), countMacs(tail)).total;
  const { full, cached } = times;
  if (cached === undefined) throw new RangeError(`Nothing was cached at branch ${branch}`);
  const byInterval = (costs: { full: number; cached: number }): Record<string, number> =>
    Object.fromEntries(averageMacs(costs, intervals, evaluations).map(({ interval, speedUp }) => [interval, speedUp]));
  const speedup = byInterval({ full: full.seconds, cached: cached.seconds });
  const computed = computedParts(subject, branch);
  const costOf = { full: cost(full, fullMacs, computed.full), cached: cost(cached, cachedMacs, computed.cached) };
  const hoistedLimit = byInterval({ full: costOf.full.computedMacs, cached: costOf.cached.computedMacs });
  return {
    branch,
    ...costOf,
    parts,
    ...(others.size === 0 ? {} : { precisions: [...others].map((other) => precisionReport(other, times)) }),
    ratio: cached.seconds / full.seconds,
    speedup,
    limit: byInterval({ full: fullMacs, cached: cachedMacs }),
    hoistedLimit,
    fraction: Object.fromEntries(
      Object.entries(speedup).map(([interval, value]) => [interval, value / (hoistedLimit[interval] ?? Number.NaN)]),
    ),
    roofline: byInterval({ full: costOf.full.floorSeconds, cached: costOf.cached.floorSeconds }),
    loadSeconds: times.loadSeconds,
    peakBytes,
  };
}

function precisionReport([precision, own]: readonly [Precision, NetworkTimes], first: NetworkTimes): PrecisionReport {
  const { full, cached, loadSeconds } = own;
  return {
    precision,
    full: { ...full, speedup: first.full.seconds / full.seconds },
    ...(cached === undefined || first.cached === undefined
      ? {}
      : { cached: { ...cached, speedup: first.cached.seconds / cached.seconds } }),
    loadSeconds,
  };
}
