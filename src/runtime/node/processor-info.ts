import { readFileSync } from "node:fs";

/** What Linux says of its processors; undefined elsewhere. */
export function processorInfo(): string | undefined {
  try {
    return readFileSync("/proc/cpuinfo", "utf8");
  } catch {
    return undefined;
  }
}
