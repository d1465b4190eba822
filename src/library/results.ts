import type { GeneratedImage } from "../image/generated-image.ts";
import type { PreviewKind } from "../pipelines/latents/previews.ts";
import type { GenerationResult, InLane, PipelineEvent } from "../pipelines/run/events.ts";

/** What a run made, and what it took. */
export interface ImageResult extends Omit<GenerationResult, "images" | "seeds"> {
  /** The first image. */
  readonly image: GeneratedImage;
  readonly images: readonly GeneratedImage[];
  /** Of each image. */
  readonly seeds: readonly number[];
  /** What may surprise: words that had no effect, and the like. */
  readonly warnings: readonly string[];
}

/** What a run tells while it goes on; the last event is the result. */
export type ImageEvent = InLane & RunEvent;

type RunEvent =
  | Exclude<PipelineEvent, { readonly type: "preview" | "result" }>
  | {
      readonly type: "preview";
      readonly evaluation: number;
      /** How it was made, since only "full" shows what the images would be. */
      readonly kind: PreviewKind;
      readonly images: readonly GeneratedImage[];
    }
  | { readonly type: "result"; readonly result: ImageResult };
