import { type EvaluateOptions, evaluate } from "../../evaluation/evaluate.ts";
import type { Unit } from "../../evaluation/workload/items.ts";
import type { Progress, Terminal } from "./console.ts";

/** Follows an evaluation on the terminal. */
export async function watchEvaluation(options: EvaluateOptions, terminal: Terminal): Promise<void> {
  let progress: Progress | undefined;
  let before = 0;
  let shown = 0;
  // Only whole images count, so that the estimate does not follow every step.
  const show = (images: number, { policy }: Unit): void => {
    if (images > shown) progress?.update(images, `images, ${policy.name}`);
    shown = Math.max(shown, images);
  };
  try {
    for await (const event of evaluate(options)) {
      switch (event.type) {
        case "start":
          before = event.images;
          if (before > 0) terminal.status(`going on after ${before} of ${event.total} images`);
          if (event.total > before) progress = terminal.progress(event.total - before);
          break;
        case "warning":
          terminal.warn(event.message);
          break;
        case "step":
          show(Math.floor(event.images - before + event.part * event.unit.items.length), event.unit);
          break;
        case "unit":
          show(event.images - before, event.unit);
          break;
      }
    }
  } finally {
    progress?.stop();
  }
}
