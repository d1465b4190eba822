import type { CachePolicy } from "../../deepcache/policies.ts";
import type { MeasureName } from "../measures.ts";
import type { Interval } from "../measuring/statistics.ts";

/** One measure of one policy, summed up over all images. */
export interface MeasureSummary {
  readonly mean: number;
  /** Bounds of the 95 % interval; none where there are too few images to tell. */
  readonly low?: number;
  readonly high?: number;
  /** Mean of the worst twentieth of the images; none for measures of whole sets. */
  readonly worst?: number;
  /** What the policy adds to the baseline's value, paired image by image; none where the measure is such a comparison. */
  readonly difference?: Interval;
}

/** What a policy costs and how good its images are; nothing in it was measured with a clock. */
export interface PolicySummary {
  readonly name: string;
  readonly cache: CachePolicy;
  readonly sampler: string;
  readonly steps: number;
  readonly evaluations: number;
  /** Indices of the evaluations that are full. */
  readonly full: readonly number[];
  /** Operations per image. */
  readonly macs: number;
  /** Full-step equivalents per image. */
  readonly fse: number;
  readonly measures: Readonly<Partial<Record<MeasureName, MeasureSummary>>>;
  /** How a cache fares against fewer steps that take no more operations. */
  readonly equalCompute: readonly Verdict[];
}

/** All that an evaluation found out about quality and compute. */
export interface Summary {
  readonly images: number;
  readonly baseline?: string;
  readonly policies: readonly PolicySummary[];
}

/** A cached policy beside another of like cost: one without a cache, an even one, or one that copies where this one forecasts. */
export interface Verdict {
  readonly against: string;
  /** Operations of the other over those of the policy. */
  readonly macsRatio: number;
  readonly measures: Readonly<Partial<Record<MeasureName, Outcome>>>;
}

/** Which is better, and by how much; a tie is a difference whose interval holds 0. */
export interface Outcome {
  readonly result: "wins" | "loses" | "ties";
  /** The policy's value less the other's; bounds are missing where there are too few images to tell, which is a tie. */
  readonly difference: { readonly mean: number; readonly low?: number; readonly high?: number };
}
