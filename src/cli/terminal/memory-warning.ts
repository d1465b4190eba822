import { totalmem } from "node:os";
import { DeepCacheError } from "../../errors/deepcache-error.ts";
import type { MemoryEstimate } from "../../pipelines/estimate-memory.ts";
import type { ModelFlags } from "../flags/generation-flags.ts";
import type { Terminal } from "./console.ts";
import { gibibytes } from "./units.ts";

/** Memory of the machine in bytes; a container's limit counts. */
export interface MachineMemory {
  /** In all, used or not. */
  readonly total: number;
  /** What the process may still take. */
  readonly available: number;
  /** What it has. */
  readonly resident: number;
}

/** What this machine has. */
export function machineMemory(): MachineMemory {
  const limit = process.constrainedMemory();
  return {
    total: limit > 0 ? Math.min(totalmem(), limit) : totalmem(), // more than there is, or 0, where nothing limits it
    available: process.availableMemory(),
    resident: process.memoryUsage.rss(),
  };
}

/** What of a command line memory depends on. */
export type MemoryFlags = Pick<ModelFlags, "device" | "lowMemory" | "keepLoaded" | "vaeTiling" | "force"> & {
  /** Images in the largest batch, where a command makes several. */
  readonly batch?: number | undefined;
};

/**
 * Before anything is loaded, refuses a run that needs more memory than the machine has, unless it is forced, and warns of one
 * that needs more than is free; both say what would take less.
 */
export function checkMemory(
  { peak }: MemoryEstimate,
  flags: MemoryFlags,
  terminal: Pick<Terminal, "warn">,
  { total, available, resident }: MachineMemory = machineMemory(),
): void {
  if (!["cpu", "openvino", "openvino:CPU"].includes(flags.device)) return; // elsewhere, the device's memory counts, which Node does not see
  const free = Math.min(available + resident, total);
  if (peak > total && flags.force !== true) {
    throw new DeepCacheError(
      "OUT_OF_MEMORY",
      `Cannot run: it would take about ${gibibytes(peak)} of memory where this machine has ${gibibytes(total)} in all; ` +
        `${waysOf(flags)} take less, and --force tries`,
    );
  }
  if (peak > free) {
    terminal.warn(
      `This run will take about ${gibibytes(peak)} of memory where ${gibibytes(free)} are available; ${waysOf(flags)} take less`,
    );
  }
}

function waysOf({ lowMemory, keepLoaded, vaeTiling, batch = 1 }: MemoryFlags): string {
  return [
    ...(lowMemory ? [] : ["--low-memory", ...(keepLoaded ? ["--no-keep-loaded"] : [])]),
    ...((vaeTiling ?? lowMemory) ? [] : ["--vae-tiling"]),
    ...(batch > 1 ? ["--batch 1"] : []),
    "a smaller --width or --height",
  ].join(", ");
}
