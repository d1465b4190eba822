import type { GenerationResult, PipelineEvent } from "../../pipelines/run/events.ts";
import type { Progress, Terminal } from "./console.ts";
import { secondsText } from "./units.ts";

const PHASES = {
  encode: "reading the prompt",
  load: "loading the U-Net",
  denoise: "denoising",
  decode: "decoding",
} as const;

/** A preview, with where the run is. */
export type PreviewEvent = Extract<PipelineEvent, { readonly type: "preview" }> & { readonly evaluations: number };

/** What following a run may be told. */
export interface WatchOptions {
  /** Names the run where it is one of several. */
  readonly what?: string | undefined;
  readonly onPreview?: ((preview: PreviewEvent) => Promise<void>) | undefined;
}

/** Follows a run on the terminal and gives its result. */
export async function watchRun(
  events: AsyncIterable<PipelineEvent>,
  terminal: Terminal,
  { what, onPreview }: WatchOptions = {},
): Promise<GenerationResult> {
  const named = what === undefined ? "" : `${what}: `;
  let progress: Progress | undefined;
  let evaluations = 0;
  try {
    for await (const event of events) {
      switch (event.type) {
        case "phase":
          progress?.stop();
          progress = undefined;
          terminal.status(`${named}${PHASES[event.phase]}`);
          break;
        case "warning":
          terminal.warn(event.message);
          break;
        case "evaluation":
          evaluations = event.evaluations;
          progress ??= terminal.progress(event.evaluations);
          progress.update(event.evaluation + 1, `${event.full ? "full" : "cached"} ${secondsText(event.seconds)}`);
          break;
        case "preview":
          await onPreview?.({ ...event, evaluations });
          break;
        case "result":
          return event.result;
      }
    }
  } finally {
    progress?.stop();
  }
  throw new Error("The run ended without a result");
}
