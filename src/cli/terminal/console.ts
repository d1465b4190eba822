import { SingleBar } from "cli-progress";

/** Where a command prints: results on stdout, everything else on stderr. */
export interface Terminal {
  /** A result, for people. */
  print(text: string): void;
  /** A result, for machines. */
  printJson(value: unknown): void;
  /** Text as it is, on stdout. */
  printText(text: string): void;
  /** Text as it is, on stderr. */
  warnText(text: string): void;
  warn(text: string): void;
  /** A bar on stderr, if that is a terminal. */
  progress(total: number): Progress;
  /** One line on stderr about what goes on, if that is a terminal. */
  status(text: string): void;
}

export interface Progress {
  update(done: number, label: string): void;
  stop(): void;
}

// Whoever reads our output may stop reading, as `head` does: that is no error of ours.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});

/** The process's own terminal. */
export const terminal: Terminal = {
  print: (text) => console.log(text),
  printJson: (value) => console.log(JSON.stringify(value, null, 2)),
  printText: (text) => void process.stdout.write(text),
  warnText: (text) => void process.stderr.write(text),
  warn: (text) => console.error(`deepcache: ${text}`),
  status: (text) => {
    if (process.stderr.isTTY) console.error(text);
  },
  progress(total) {
    if (!process.stderr.isTTY) return { update() {}, stop() {} };
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
