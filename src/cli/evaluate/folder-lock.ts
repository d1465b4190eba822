import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../flags/usage.ts";

/** Names the process that works in a folder. */
const LOCK = "process.lock";

/** Keeps other processes from working in `folder`, until disposed; what a killed process left behind is of no account. */
export function lockFolder(folder: string): Disposable {
  const path = join(folder, LOCK);
  mkdirSync(folder, { recursive: true });
  const owner = Number(contentOf(path));
  if (owner > 0 && owner !== process.pid && isRunning(owner)) {
    throw new UsageError(`Cannot work in "${folder}": process ${owner} does; if it does not, delete "${path}"`);
  }
  writeFileSync(path, String(process.pid));
  return { [Symbol.dispose]: () => rmSync(path, { force: true }) };
}

function contentOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function isRunning(id: number): boolean {
  try {
    return process.kill(id, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
