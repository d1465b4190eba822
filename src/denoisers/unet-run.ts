import { type PartMacs, partMacs, type RunMacs, repeatedWeights, runMacs, wholeMacs } from "../deepcache/cost.ts";
import { type Cut, checkBranch, cut } from "../deepcache/cut.ts";
import { withForecast } from "../deepcache/forecast.ts";
import { branchOf, type CachePolicy } from "../deepcache/policies.ts";
import { separatePrelude } from "../deepcache/prelude.ts";
import type { Denoiser } from "../diffusion/denoiser.ts";
import type { UNet } from "../models/unet/unet.ts";
import type { PlannedSession } from "../runtime/memory/network.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { atOnce, inTurns, pause, type Turns } from "../tensor/in-turns.ts";
import { type CachePlan, type CutSessions, cachedDenoiser, loadCut, loadPair } from "./cached.ts";
import { directDenoiser } from "./direct.ts";
import type { Evaluation, PartName, RunContext } from "./evaluation.ts";
import { type LoadedPart, loadPart } from "./loaded-part.ts";
import { preludedDenoiser } from "./preluded.ts";

/** A U-Net loaded for one batch and size. */
export type LoadedUNet = LoadedEvaluations & {
  readonly macs: PartMacs;
  /** Of the sample that it is shown. */
  readonly rows: number;
  /** What runs once per run, if anything does. */
  readonly prelude: LoadedPart | undefined;
};

/** What runs at every evaluation: the whole network, or the network cut at a branch. */
type LoadedEvaluations = AsyncDisposable &
  ({ readonly kind: "whole"; readonly network: LoadedPart } | { readonly kind: "cut"; readonly sessions: CutSessions });

type Graph = Cut["full"];

/** The graphs that a network is loaded as: what runs once per run, and what runs at every evaluation. */
export type UNetLayout = { readonly prelude: Graph | undefined; readonly macs: PartMacs } & (
  | { readonly kind: "whole"; readonly network: UNet }
  | { readonly kind: "parts" | "pair"; readonly parts: Cut }
);

/** How a network is loaded for the plan of a run. */
export interface CutAs {
  /** Where it is cut; it is not where left out. */
  readonly branch?: number | undefined;
  /** Whether its cached evaluations forecast what the trunk would give. */
  readonly forecast?: boolean | undefined;
}

/** Lays `network` out for a runtime, cut where a branch is given. */
export const layOutUNet = (runtime: Pick<Runtime, "copies">, network: UNet, cutAs: CutAs): UNetLayout =>
  atOnce(layingOut(runtime, network, cutAs));

function* layingOut(
  { copies }: Pick<Runtime, "copies">,
  network: UNet,
  { branch, forecast = false }: CutAs,
): Turns<UNetLayout> {
  const { prelude, network: rest } = separatePrelude(network);
  if (branch === undefined) return { kind: "whole", network: rest, prelude, macs: wholeMacs(rest, prelude) };
  yield;
  const copying = cut(rest, branch);
  yield;
  const parts = forecast ? withForecast(copying) : copying;
  const kind = copies && repeatedWeights(parts) <= MOST_TWICE ? "pair" : "parts";
  return { kind, parts, prelude, macs: partMacs(parts, prelude) };
}

/** Most of a network's weights that may be in memory twice so that no tensor has to cross from session to session. */
const MOST_TWICE = 1 / 10;

/** What is loaded at the same time, in the order in which it is. */
export function sessionsOf(layout: UNetLayout): readonly PlannedSession[] {
  const early = layout.prelude === undefined ? [] : [{ graph: layout.prelude, once: true }];
  return [...early, ...evaluationGraphs(layout).map((graph) => ({ graph, allowHalf: true }))];
}

function evaluationGraphs(layout: UNetLayout): readonly Graph[] {
  switch (layout.kind) {
    case "whole":
      return [layout.network.graph];
    case "pair":
      return [layout.parts.full, layout.parts.cached];
    case "parts":
      return [layout.parts.head, layout.parts.trunk, layout.parts.tail];
  }
}

/** Loads `network`, cut where a branch is given. */
export async function loadUNet(runtime: Runtime, network: UNet, cutAs: CutAs): Promise<LoadedUNet> {
  runtime.begin?.();
  await pause(); // after the network's graph has been made
  const layout = await inTurns(layingOut(runtime, network, cutAs));
  await pause();
  // While one is opened, the other is made.
  const [early, late] = await Promise.allSettled([
    layout.prelude && loadPart(runtime, "prelude", layout.prelude, { once: true }),
    loadEvaluations(runtime, layout),
  ]);
  const opened = [late, early].flatMap((part) => (part.status === "fulfilled" ? (part.value ?? []) : []));
  const dispose = async (): Promise<void> => {
    for (const part of opened) await part[Symbol.asyncDispose]();
  };
  if (early.status === "rejected" || late.status === "rejected") {
    await dispose();
    throw (early.status === "rejected" ? early : (late as PromiseRejectedResult)).reason;
  }
  return {
    ...late.value,
    prelude: early.value,
    macs: layout.macs,
    rows: network.graph.inputs.get("sample")?.shape[0] ?? 0,
    [Symbol.asyncDispose]: dispose,
  };
}

async function loadEvaluations(runtime: Runtime, layout: UNetLayout): Promise<LoadedEvaluations> {
  if (layout.kind === "whole") {
    const network = await loadPart(runtime, "full", layout.network.graph);
    return { kind: "whole", network, [Symbol.asyncDispose]: () => network[Symbol.asyncDispose]() };
  }
  const sessions = await (layout.kind === "pair" ? loadPair : loadCut)(runtime, layout.parts);
  return { kind: "cut", sessions, [Symbol.asyncDispose]: () => sessions[Symbol.asyncDispose]() };
}

/** Which evaluations of a run are full, and what stands in for the trunk in the others. */
export interface RunPlan extends Pick<CachePlan, "factors"> {
  readonly full: ReadonlySet<number>;
}

/** The denoiser of one run; disposing it frees what it holds. */
export function startDenoiser(
  loaded: LoadedUNet,
  { full, factors }: RunPlan,
  context: RunContext,
): Denoiser & Disposable {
  const start = (inner: RunContext): Denoiser & Disposable => {
    switch (loaded.kind) {
      case "whole":
        return { ...directDenoiser(loaded.network, inner), [Symbol.dispose]() {} };
      case "cut":
        return cachedDenoiser(loaded.sessions, { isFull: (evaluation) => full.has(evaluation), factors }, inner);
    }
  };
  return loaded.prelude === undefined ? start(context) : preludedDenoiser(loaded.prelude, context, start);
}

/** What decides where a network is cut for a run. */
export interface CutChoice {
  /** The evaluations that the plan makes full. */
  readonly full: readonly number[];
  readonly evaluations: number;
  /** Skip connections of the network. */
  readonly skips: number;
  /** Where to cut although nothing is cached, so that runs with and without a cache share what is loaded. */
  readonly cutAt?: number | undefined;
}

/** The branch to cut at; none where the plan caches nothing, so that such a run equals one without a cache bit for bit. */
export function branchFor(policy: CachePolicy, { full, evaluations, skips, cutAt }: CutChoice): number | undefined {
  const branch = branchOf(policy);
  if (branch !== undefined) checkBranch(branch, skips);
  return branch === undefined || full.length === evaluations ? cutAt : branch;
}

/** What one part of a network took over a run. */
export interface PartSummary {
  readonly runs: number;
  readonly seconds: number;
  /** Of one run of the part. */
  readonly macs: number;
}

/** A run summed up in operations and seconds. */
export interface RunSummary {
  /** Indices of the evaluations on which the trunk ran. */
  readonly full: readonly number[];
  readonly macs: RunMacs;
  /** Full-step equivalents: full evaluations + r × cached ones, with r in MACs. */
  readonly fse: number;
  /** See `Evaluation` for how the time of parts that run in one piece is told. */
  readonly parts: Readonly<Record<PartName, PartSummary>>;
}

/** A run whose second network went on after `before` evaluations of the first; costs of one evaluation are the first one's. */
export function joinedSummaries(first: RunSummary, second: RunSummary, before: number): RunSummary {
  const part = (name: PartName): PartSummary => ({
    ...first.parts[name],
    runs: first.parts[name].runs + second.parts[name].runs,
    seconds: first.parts[name].seconds + second.parts[name].seconds,
  });
  const [a, b] = [first.macs, second.macs];
  const sum = (name: "total" | "uncached" | "prelude" | "forecast"): number => a[name] + b[name];
  const macs = {
    ...a,
    ...{ total: sum("total"), uncached: sum("uncached"), prelude: sum("prelude"), forecast: sum("forecast") },
  };
  return {
    full: [...first.full, ...second.full.map((evaluation) => before + evaluation)],
    macs,
    fse: macs.total / macs.full,
    parts: { prelude: part("prelude"), head: part("head"), trunk: part("trunk"), tail: part("tail") },
  };
}

/** Sums up the evaluations of a run. */
export function summarize(evaluations: readonly Evaluation[], macs: PartMacs): RunSummary {
  const full = evaluations.filter((evaluation) => evaluation.full).map(({ index }) => index);
  const total = runMacs(macs, full.length, evaluations.length - full.length);
  const part = (name: PartName): PartSummary => {
    const seconds = evaluations.flatMap((evaluation) => evaluation.seconds[name] ?? []);
    return { runs: seconds.length, seconds: seconds.reduce((sum, value) => sum + value, 0), macs: macs[name] };
  };
  return {
    full,
    macs: total,
    fse: total.total / total.full,
    parts: { prelude: part("prelude"), head: part("head"), trunk: part("trunk"), tail: part("tail") },
  };
}
