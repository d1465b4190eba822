import type { CachePolicy } from "../../deepcache/policies.ts";
import type { RunSummary } from "../../denoisers/unet-run.ts";
import type { RgbImage } from "../../image/rgb-image.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { PreviewKind } from "../latents/previews.ts";

/** What a run is doing. */
export type Phase = "load" | "encode" | "denoise" | "decode";

/** Seconds of each phase; `total` also holds what lies between them. */
export type PhaseSeconds = Readonly<Record<Phase | "total", number>>;

/** What a run made, and what it took. */
export interface GenerationResult extends RunSummary {
  readonly images: readonly RgbImage[];
  /** [images, channels, height, width] as the sampler left them. */
  readonly latents: Tensor;
  /** Of the whole batch; the first image's where each has its own. */
  readonly seed: number;
  /** Of each image, where each has its own. */
  readonly seeds?: readonly number[];
  readonly sampler: string;
  readonly steps: number;
  /** Of classifier-free guidance, where the model has it. */
  readonly guidanceScale?: number;
  /** How much of the schedule was taken, where the run began from an image. */
  readonly strength?: number;
  /** Fewer than the schedule has, where the run began within it. */
  readonly evaluations: number;
  readonly policy: CachePolicy;
  readonly seconds: PhaseSeconds;
}

/** What a run tells while it goes on; the last event is the result, of each lane where there are several. */
export type PipelineEvent = InLane & RunEvent;

/** Which of several runs that take turns an event is of. */
export interface InLane {
  /** Counted from 0; none where a run is alone. */
  readonly lane?: number | undefined;
}

type RunEvent =
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
  | {
      readonly type: "preview";
      readonly evaluation: number;
      /** How it was made, since only "full" shows what the images would be. */
      readonly kind: PreviewKind;
      readonly images: readonly RgbImage[];
    }
  | { readonly type: "result"; readonly result: GenerationResult };
