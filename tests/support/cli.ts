import { createProgram } from "../../src/cli/program.ts";
import type { Terminal } from "../../src/cli/terminal/console.ts";
import { exitCodeOf } from "../../src/cli/terminal/exit-code.ts";

export interface CliRun {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** stdout as JSON. */
  json<T>(): T;
}

/** Runs the command line in this process, as `deepcache ...args` would. */
export async function runCli(...args: string[]): Promise<CliRun> {
  let stdout = "";
  let stderr = "";
  const print = (text: string): void => {
    stdout += text;
  };
  const warn = (text: string): void => {
    stderr += text;
  };
  const terminal: Terminal = {
    print: (text) => print(`${text}\n`),
    printJson: (value) => print(`${JSON.stringify(value)}\n`),
    printText: print,
    warnText: warn,
    warn: (text) => warn(`${text}\n`),
    status() {},
    progress: () => ({ update() {}, stop() {} }),
  };
  let code = 0;
  try {
    await createProgram(terminal).parseAsync(args, { from: "user" });
  } catch (error) {
    code = exitCodeOf(error, terminal);
  }
  return { code, stdout, stderr, json: () => JSON.parse(stdout) };
}
