import { secondsText } from "./units.ts";

/** How far something has come that is counted. */
export interface Progress {
  update(done: number, label: string): void;
  stop(): void;
}

/** What a log takes of time; tests pass their own. */
export interface LogClock {
  /** Milliseconds from a fixed point. */
  now(): number;
  /** Calls `tell` again and again, as long as the process has something else to do. */
  every(milliseconds: number, tell: () => void): void;
}

/** How far a command has come, on lines of their own: for pipes and logs, where no bar can move. */
export interface ProgressLog {
  status(text: string): void;
  progress(total: number): Progress;
}

/** Milliseconds between two lines. */
const INTERVAL = 10_000;

const systemClock: LogClock = {
  now: () => performance.now(),
  every: (milliseconds, tell) => void setInterval(tell, milliseconds).unref(),
};

/** Writes a line every ten seconds, none before; it tells what goes on, how far it is and how long it will take. */
export function progressLog(write: (line: string) => void, clock: LogClock = systemClock): ProgressLog {
  let begin: number | undefined;
  let doing: string | undefined;
  let counted: { readonly begin: number; readonly total: number; done: number; label: string } | undefined;

  const seconds = (since: number): number => (clock.now() - since) / 1000;
  const countText = (): string[] => {
    if (counted === undefined) return [];
    const { done, total, label } = counted;
    const left = done > 0 ? [`about ${whole((seconds(counted.begin) / done) * (total - done))} left`] : [];
    return [`${done} of ${total}`, ...(label === "" ? [] : [label]), ...left];
  };
  const tell = (): void => {
    const parts = [...(doing === undefined ? [] : [doing]), ...countText()];
    if (begin !== undefined && parts.length > 0) write(`${whole(seconds(begin))}: ${parts.join(", ")}`);
  };
  const start = (): void => {
    if (begin !== undefined) return;
    begin = clock.now();
    clock.every(INTERVAL, tell);
  };

  return {
    status(text) {
      start();
      doing = text;
    },
    progress(total) {
      start();
      const own = { begin: clock.now(), total, done: 0, label: "" };
      counted = own;
      return {
        update: (done, label) => void Object.assign(own, { done, label }),
        stop() {
          if (counted === own) counted = undefined;
        },
      };
    },
  };
}

const whole = (seconds: number): string => secondsText(seconds).replace(/\.\d+/, "");
