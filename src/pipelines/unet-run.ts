import { type Cut, cut } from "../deepcache/cut.ts";
import type { CachePolicy } from "../deepcache/policy.ts";
import { type CutSessions, cachedDenoiser, loadCut } from "../denoisers/cached.ts";
import { directDenoiser } from "../denoisers/direct.ts";
import type { Evaluation, PartName, RunContext } from "../denoisers/evaluation.ts";
import type { Denoiser } from "../diffusion/denoiser.ts";
import type { UNet } from "../models/unet.ts";
import { countMacs } from "../onnx/macs.ts";
import type { Runtime, Session } from "../runtime/runtime.ts";
import type { GenerationResult, PartSummary } from "./events.ts";

/** A U-Net loaded for one batch and size, whole or cut at a branch. */
export type LoadedUNet = AsyncDisposable & { readonly macs: Readonly<Record<PartName, number>> } & (
    | { readonly kind: "whole"; readonly session: Session }
    | { readonly kind: "cut"; readonly sessions: CutSessions }
  );

/** Loads `network`, cut at `branch` where one is given. */
export async function loadUNet(runtime: Runtime, network: UNet, branch: number | undefined): Promise<LoadedUNet> {
  if (branch === undefined) {
    const session = await runtime.load(network.graph);
    const macs = { head: 0, trunk: countMacs(network.graph).total, tail: 0 };
    return { kind: "whole", session, macs, [Symbol.asyncDispose]: () => session[Symbol.asyncDispose]() };
  }
  const parts = cut(network, branch);
  const sessions = await loadCut(runtime, parts);
  return { kind: "cut", sessions, macs: partMacs(parts), [Symbol.asyncDispose]: () => sessions[Symbol.asyncDispose]() };
}

export const partMacs = ({ head, trunk, tail }: Cut): Readonly<Record<PartName, number>> => ({
  head: countMacs(head).total,
  trunk: countMacs(trunk).total,
  tail: countMacs(tail).total,
});

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

export const branchOf = (policy: CachePolicy): number | undefined =>
  policy.kind === "off" ? undefined : policy.branch;

/** Sums a run up in operations and seconds. */
export function summarize(
  evaluations: readonly Evaluation[],
  macs: Readonly<Record<PartName, number>>,
): Pick<GenerationResult, "macs" | "fse" | "parts" | "full"> {
  const part = (name: PartName): PartSummary => {
    const seconds = evaluations.flatMap((evaluation) => evaluation.seconds[name] ?? []);
    return { runs: seconds.length, seconds: seconds.reduce((sum, value) => sum + value, 0), macs: macs[name] };
  };
  const full = evaluations.filter((evaluation) => evaluation.full).map(({ index }) => index);
  const cachedCount = evaluations.length - full.length;
  const whole = macs.head + macs.trunk + macs.tail;
  const uncut = macs.head + macs.tail === 0; // then nothing can be cached, and an evaluation costs what it costs
  const cost = { full: whole, cached: uncut ? whole : macs.head + macs.tail };
  return {
    full,
    macs: {
      ...cost,
      total: full.length * cost.full + cachedCount * cost.cached,
      uncached: evaluations.length * cost.full,
    },
    fse: full.length + (cachedCount * cost.cached) / cost.full,
    parts: { head: part("head"), trunk: part("trunk"), tail: part("tail") },
  };
}
