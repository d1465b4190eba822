import type { CachePolicy } from "../deepcache/policy.ts";
import type { PartName } from "../denoisers/evaluation.ts";
import type { RgbImage } from "../image/rgb-image.ts";
import type { Tensor } from "../tensor/tensor.ts";

export type Phase = "load" | "encode" | "denoise" | "decode";

/** Seconds of each phase; `total` also holds what lies between them. */
export type PhaseSeconds = Readonly<Record<Phase | "total", number>>;

/** Multiply-accumulate operations of a run, for the batch that it ran. */
export interface RunMacs {
  readonly full: number;
  readonly cached: number;
  /** Of all evaluations of the run. */
  readonly total: number;
  /** What all evaluations would have taken without a cache. */
  readonly uncached: number;
}

export interface PartSummary {
  readonly runs: number;
  readonly seconds: number;
  /** Of one run of the part. */
  readonly macs: number;
}

export interface GenerationResult {
  readonly images: readonly RgbImage[];
  /** [images, channels, height, width] as the sampler left them. */
  readonly latents: Tensor;
  readonly seed: number;
  readonly sampler: string;
  readonly steps: number;
  readonly evaluations: number;
  /** Indices of the evaluations on which the trunk ran. */
  readonly full: readonly number[];
  readonly policy: CachePolicy;
  readonly macs: RunMacs;
  /** Full-step equivalents: full evaluations + r × cached ones, with r in MACs. */
  readonly fse: number;
  readonly seconds: PhaseSeconds;
  /** An uncached run is all trunk. */
  readonly parts: Readonly<Record<PartName, PartSummary>>;
}

/** What a run tells while it goes on; the last event is the result. */
export type PipelineEvent =
  | { readonly type: "phase"; readonly phase: Phase }
  | { readonly type: "warning"; readonly message: string }
  | {
      readonly type: "evaluation";
      readonly evaluation: number;
      readonly evaluations: number;
      readonly timestep: number;
      readonly full: boolean;
      readonly seconds: number;
    }
  | { readonly type: "preview"; readonly evaluation: number; readonly images: readonly RgbImage[] }
  | { readonly type: "result"; readonly result: GenerationResult };
