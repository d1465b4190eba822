import { forecastFactors } from "../deepcache/forecast.ts";
import type { CachePolicy } from "../deepcache/policies.ts";
import type { SamplerName } from "../diffusion/samplers.ts";
import { fitFactors, type Gram } from "./gram.ts";
import type { TrialRun } from "./tuning.ts";

/** A sampler with a number of steps, and what the network's features do on the way. */
export interface Grid {
  readonly sampler: SamplerName;
  readonly steps: number;
  /** Where they are not the sampler's own. */
  readonly timesteps?: readonly number[] | undefined;
  readonly branch: number;
  readonly gram: Gram;
  /** What a cached evaluation costs of a full one. */
  readonly ratio: number;
}

/** What stands in for the trunk: the factors fitted to the features, the damped line, or other factors. */
export type StandIn =
  | { readonly kind: "fitted"; readonly scale: number }
  | { readonly kind: "damped"; readonly damping: number }
  | { readonly kind: "factors"; readonly factors: readonly number[] };

/** What is tried on every grid. */
export const STAND_INS: readonly StandIn[] = [
  { kind: "fitted", scale: 1 },
  { kind: "fitted", scale: 0.8 },
  { kind: "damped", damping: 0.5 },
];

/** A plan on a grid. */
export interface Candidate {
  /** The full evaluations. */
  readonly full: readonly number[];
  readonly standIn: StandIn;
}

/** Digits of factors that a profile holds. */
const DIGITS = 4;

/** The candidate as a run to be tried. */
export const runOf = (grid: Grid, candidate: Candidate): TrialRun => ({
  sampler: grid.sampler,
  steps: grid.steps,
  ...(grid.timesteps === undefined ? {} : { timesteps: grid.timesteps }),
  cache: policyOf(grid, candidate),
});

/** The factor of every evaluation of a candidate, 0 on full ones. */
export const factorsOf = (grid: Grid, candidate: Candidate): readonly number[] =>
  forecastFactors(policyOf(grid, candidate), candidate.full, grid.gram.evaluations) ?? [];

function policyOf({ branch, gram }: Grid, { full, standIn }: Candidate): CachePolicy {
  const listed = { kind: "listed", full, branch } as const;
  switch (standIn.kind) {
    case "fitted":
      return {
        ...listed,
        forecast: { factors: fitFactors(gram, full).map((factor) => rounded(standIn.scale * factor)) },
      };
    case "damped":
      return { ...listed, forecast: { damping: standIn.damping } };
    case "factors":
      return { ...listed, forecast: { factors: standIn.factors.map(rounded) } };
  }
}

const rounded = (factor: number): number => Number(factor.toFixed(DIGITS));
