import type { GenerationResult, PipelineEvent } from "../../pipelines/run/events.ts";
import type { Progress, Terminal } from "./console.ts";
import { secondsText } from "./units.ts";

const PHASES = {
  encode: "reading the prompt",
  load: "loading the U-Net",
  denoise: "denoising",
  decode: "decoding",
} as const;

/** Follows a run on the terminal and gives its result; `what` names it where it is one of several. */
export async function watchRun(
  events: AsyncIterable<PipelineEvent>,
  terminal: Terminal,
  what?: string,
): Promise<GenerationResult> {
  const named = what === undefined ? "" : `${what}: `;
  let progress: Progress | undefined;
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
          progress ??= terminal.progress(event.evaluations);
          progress.update(event.evaluation + 1, `${event.full ? "full" : "cached"} ${secondsText(event.seconds)}`);
          break;
        case "preview":
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
