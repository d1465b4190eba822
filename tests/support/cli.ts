import { runProgram } from "../../src/cli/program.ts";
import type { Terminal } from "../../src/cli/terminal/console.ts";
import { exitCodeOf } from "../../src/cli/terminal/exit-code.ts";

export interface CliRun {
  readonly code: number;
  readonly stdout: string;
  /** What was written to stdout as bytes. */
  readonly bytes: Uint8Array;
  readonly stderr: string;
  /** stdout as JSON. */
  json<T>(): T;
}

/** What a run of the command line has around it. */
export interface CliSurroundings {
  /** What stdin holds. */
  readonly input?: string;
  /** Whether stdout is a terminal. */
  readonly showsOutput?: boolean;
  /** Told every line of stdout as it is printed. */
  readonly onPrint?: (text: string) => void;
}

/** Runs the command line in this process, as `deepcache ...args` would. */
export const runCli = (...args: string[]): Promise<CliRun> => runCliWith({}, ...args);

/** The same with something in stdin, or with a terminal. */
export async function runCliWith(
  { input = "", showsOutput = false, onPrint }: CliSurroundings,
  ...args: string[]
): Promise<CliRun> {
  const written: Uint8Array[] = [];
  let stdout = "";
  let stderr = "";
  const print = (text: string): void => {
    stdout += text;
    onPrint?.(text);
  };
  const warn = (text: string): void => {
    stderr += text;
  };
  const terminal: Terminal = {
    print: (text) => print(`${text}\n`),
    printJson: (value) => print(`${JSON.stringify(value)}\n`),
    printText: print,
    warnText: warn,
    printBytes: (bytes) => void written.push(bytes),
    showsOutput,
    readInput: async () => new TextEncoder().encode(input),
    warn: (text) => warn(`${text}\n`),
    note: (text) => warn(`${text}\n`),
    status() {},
    progress: () => ({ update() {}, stop() {} }),
  };
  let code = 0;
  try {
    await runProgram(args, terminal);
  } catch (error) {
    code = exitCodeOf(error, terminal);
  }
  return { code, stdout, bytes: Buffer.concat(written), stderr, json: () => JSON.parse(stdout) };
}
