import type { MemoryEstimate } from "../../pipelines/estimate-memory.ts";
import type { ModelFlags } from "../flags/generation-flags.ts";
import type { Terminal } from "./console.ts";
import { gibibytes } from "./units.ts";

/** Memory that the process may still take and what it has: a container's limit counts. */
export interface AvailableMemory {
  readonly available: number;
  readonly resident: number;
}

const measured = (): AvailableMemory => ({
  available: process.availableMemory(),
  resident: process.memoryUsage.rss(),
});

/** Tells, before anything is loaded, that a run is going to need more memory than there is, and what would take less. */
export function warnOfMemory(
  { peak }: MemoryEstimate,
  flags: Pick<ModelFlags, "device" | "lowMemory" | "keepLoaded" | "vaeTiling">,
  terminal: Pick<Terminal, "warn">,
  { available, resident }: AvailableMemory = measured(),
): void {
  const all = available + resident;
  if (flags.device !== "cpu" || peak <= all) return; // elsewhere, the device's memory counts, which Node does not see
  const ways = [
    ...(flags.lowMemory ? [] : ["--low-memory", ...(flags.keepLoaded ? ["--no-keep-loaded"] : [])]),
    ...((flags.vaeTiling ?? flags.lowMemory) ? [] : ["--vae-tiling"]),
    "a smaller --count, --width or --height",
  ];
  terminal.warn(
    `This run will take about ${gibibytes(peak)} of memory where ${gibibytes(all)} are available; ${ways.join(", ")} take less`,
  );
}
