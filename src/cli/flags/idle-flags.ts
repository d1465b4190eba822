import type { Command } from "commander";
import { type Measure, type MeasureName, measureNamed } from "../../evaluation/measures.ts";
import type { EvaluationFlags } from "./evaluation-flags.ts";

const needs =
  (need: Measure["needs"][number]) =>
  (measure: Measure): boolean =>
    measure.needs.includes(need);

/** The flags that are there for metrics only, and for which metrics. */
const SERVES = {
  clip: needs("clip"),
  features: needs("features"),
  inception: needs("inception"),
  inceptionInput: needs("inception"),
  lpips: needs("lpips"),
  reference: ({ scope }) => scope === "set",
} as const satisfies Partial<Record<keyof EvaluationFlags, (measure: Measure) => boolean>>;

/**
 * Takes back what a settings file gave for metrics that are not measured, as where the command line asks for others; flags
 * of the command line stay, to be refused.
 */
export function leaveOutIdleSettings(command: Command): void {
  const { metrics = [] } = command.opts<{ metrics?: readonly MeasureName[] }>();
  for (const [flag, serves] of Object.entries(SERVES)) {
    const isIdle = !metrics.some((name) => serves(measureNamed(name)));
    if (isIdle && command.getOptionValueSource(flag) === "config") {
      command.setOptionValueWithSource(flag, undefined, "default");
    }
  }
}
