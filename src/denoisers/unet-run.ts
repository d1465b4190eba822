import { type PartMacs, partMacs, type RunMacs, runMacs, wholeMacs } from "../deepcache/cost.ts";
import { cut } from "../deepcache/cut.ts";
import { type CachePolicy, checkBranch } from "../deepcache/policy.ts";
import type { Denoiser } from "../diffusion/denoiser.ts";
import type { UNet } from "../models/unet.ts";
import type { Runtime, Session } from "../runtime/runtime.ts";
import { type CutSessions, cachedDenoiser, loadCut } from "./cached.ts";
import { directDenoiser } from "./direct.ts";
import type { Evaluation, PartName, RunContext } from "./evaluation.ts";

/** A U-Net loaded for one batch and size, whole or cut at a branch. */
export type LoadedUNet = AsyncDisposable & { readonly macs: PartMacs } & (
    | { readonly kind: "whole"; readonly session: Session }
    | { readonly kind: "cut"; readonly sessions: CutSessions }
  );

/** Loads `network`, cut at `branch` where one is given. */
export async function loadUNet(runtime: Runtime, network: UNet, branch: number | undefined): Promise<LoadedUNet> {
  if (branch === undefined) {
    const session = await runtime.load(network.graph, { allowHalf: true });
    return {
      kind: "whole",
      session,
      macs: wholeMacs(network),
      [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
    };
  }
  const parts = cut(network, branch);
  const sessions = await loadCut(runtime, parts);
  return { kind: "cut", sessions, macs: partMacs(parts), [Symbol.asyncDispose]: () => sessions[Symbol.asyncDispose]() };
}

/** The denoiser of one run; disposing it frees the cached feature. */
export function startDenoiser(
  loaded: LoadedUNet,
  full: ReadonlySet<number>,
  context: RunContext,
): Denoiser & Disposable {
  switch (loaded.kind) {
    case "whole":
      return { ...directDenoiser(loaded.session, context), [Symbol.dispose]() {} };
    case "cut":
      return cachedDenoiser(loaded.sessions, (evaluation) => full.has(evaluation), context);
  }
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
  if (policy.kind !== "off") checkBranch(policy.branch, skips);
  return policy.kind === "off" || full.length === evaluations ? cutAt : policy.branch;
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
  /** An uncached run is all trunk. */
  readonly parts: Readonly<Record<PartName, PartSummary>>;
}

/** Sums up the evaluations of a run. */
export function summarize(evaluations: readonly Evaluation[], macs: PartMacs): RunSummary {
  const part = (name: PartName): PartSummary => {
    const seconds = evaluations.flatMap((evaluation) => evaluation.seconds[name] ?? []);
    return { runs: seconds.length, seconds: seconds.reduce((sum, value) => sum + value, 0), macs: macs[name] };
  };
  const full = evaluations.filter((evaluation) => evaluation.full).map(({ index }) => index);
  const total = runMacs(macs, full.length, evaluations.length - full.length);
  return {
    full,
    macs: total,
    fse: total.total / total.full,
    parts: { head: part("head"), trunk: part("trunk"), tail: part("tail") },
  };
}
