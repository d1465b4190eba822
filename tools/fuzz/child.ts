import type { ReaderName } from "./cases.ts";
import { runCase } from "./run-cases.ts";

/** What a process is to do. */
export interface ChildTask {
  readonly seed: number;
  readonly reader: ReaderName;
  readonly from: number;
  readonly to: number;
}

/** What a process says: which case it begins, and what was wrong with one. */
export interface ChildMessage {
  readonly number: number;
  readonly fault?: string;
}

const tell = (message: ChildMessage): void => void process.send?.(message);

process.once("message", async ({ seed, reader, from, to }: ChildTask) => {
  for (let number = from; number < to; number++) {
    tell({ number });
    const fault = await runCase({ seed, reader, number });
    if (fault !== undefined) tell({ number, fault });
  }
  process.disconnect?.();
});
