import { SingleBar } from "cli-progress";
import { visible } from "../../checkpoint/bytes/limits.ts";
import { readUntil } from "../../checkpoint/files/read-until.ts";
import { type Progress, progressLog } from "./progress-log.ts";
import { systemReason } from "./system-reason.ts";

export type { Progress } from "./progress-log.ts";

/** Where a command prints: results on stdout, everything else on stderr. */
export interface Terminal {
  /** A result, for people. */
  print(text: string): void;
  /** A result, for machines. */
  printJson(value: unknown): void;
  /** Text as it is, on stdout. */
  printText(text: string): void;
  /** A picture, on stdout. */
  printBytes(bytes: Uint8Array): void;
  /** Whether what is printed is shown to somebody, so that bytes would be of no use. */
  readonly showsOutput: boolean;
  /** All of stdin; the signal ends the waiting for more. */
  readInput(signal: AbortSignal): Promise<Uint8Array>;
  /** Text as it is, on stderr. */
  warnText(text: string): void;
  /** What went wrong or may surprise, on stderr. */
  warn(text: string): void;
  /** What else there is to know, such as times and seeds, on stderr. */
  note(text: string): void;
  /** A bar on stderr, or a line every ten seconds where that is no terminal. */
  progress(total: number): Progress;
  /** What goes on, on stderr: at once on a terminal, else in the line of every ten seconds. */
  status(text: string): void;
}

// Whoever reads our output may stop reading, as `head` does: that is no error of ours.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  process.stderr.write(`deepcache: Cannot write to stdout: ${systemReason(error)}\n`);
  process.exit(1);
});
// Where nobody can be told, the work still goes on.
process.stderr.on("error", () => {});

const log = progressLog((line) => terminal.warn(line));

/** The process's own terminal. */
export const terminal: Terminal = {
  print: (text) => console.log(visible(text)),
  printJson: (value) => console.log(JSON.stringify(value, null, 2)),
  printText: (text) => void process.stdout.write(text),
  printBytes: (bytes) => void process.stdout.write(bytes),
  showsOutput: process.stdout.isTTY === true,
  readInput: (signal) => readUntil(process.stdin, signal),
  warnText: (text) => void process.stderr.write(text),
  warn: (text) => console.error(`deepcache: ${visible(text)}`),
  note: (text) => console.error(visible(text)),
  status: (text) => (process.stderr.isTTY ? console.error(visible(text)) : log.status(text)),
  progress(total) {
    if (!process.stderr.isTTY) return log.progress(total);
    const bar = new SingleBar({
      stream: process.stderr,
      format: "{bar} {value}/{total} {label} {eta_formatted}",
      barCompleteChar: "█",
      barIncompleteChar: "·",
      clearOnComplete: true,
      hideCursor: true,
      etaBuffer: 64, // full and cached evaluations take turns: the estimate is the mean over many
    });
    bar.start(total, 0, { label: "" });
    return { update: (done, label) => bar.update(done, { label }), stop: () => bar.stop() };
  },
};
