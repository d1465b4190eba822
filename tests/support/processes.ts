import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** The program as it was built. */
export const MAIN = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

/** Processes of the program that a test starts; those that are left end with it. */
export interface Processes extends AsyncDisposable {
  /** Starts a command and gives the first line that it prints. */
  start(...args: readonly string[]): Promise<{ readonly child: ChildProcess; readonly line: string }>;
  /** Ends a process, or all whose command is `which`. */
  end(which: ChildProcess | string, signal?: NodeJS.Signals): Promise<void>;
}

/** No process yet. */
export function processes(): Processes {
  const started = new Set<ChildProcess>();
  const endOne = async (child: ChildProcess, signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill(signal);
    await ended;
  };
  const end: Processes["end"] = async (which, signal = "SIGKILL") => {
    const chosen = typeof which === "string" ? [...started].filter(({ spawnargs }) => spawnargs[2] === which) : [which];
    await Promise.all(chosen.map((child) => endOne(child, signal)));
  };
  return {
    async start(...args) {
      const child = spawn(process.execPath, [MAIN, ...args], { stdio: ["ignore", "pipe", "ignore"] });
      started.add(child);
      const [line] = await once(child.stdout as NonNullable<typeof child.stdout>, "data");
      return { child, line: String(line).trim() };
    },
    end,
    async [Symbol.asyncDispose]() {
      for (const child of started) await endOne(child, "SIGKILL");
    },
  };
}
