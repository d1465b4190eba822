import { availableParallelism } from "node:os";
import type { Command } from "commander";
import type { Terminal } from "./console.ts";

/** Takes back threads beyond the cores of the machine, which would only get into each other's way, and says so. */
export function capThreads(command: Command, terminal: Pick<Terminal, "warn">, cores = availableParallelism()): void {
  const { threads } = command.opts<{ threads?: number }>();
  if (threads === undefined || threads <= cores) return;
  terminal.warn(`--threads ${threads} is more than this machine has cores: ${cores} are used`);
  command.setOptionValueWithSource("threads", cores, command.getOptionValueSource("threads"));
}
