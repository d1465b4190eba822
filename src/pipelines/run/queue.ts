import { DeepCacheError } from "../../errors/deepcache-error.ts";

/** What becomes of a run that is asked for while another is under way: it waits, is refused, or ends the other. */
export type Busy = "wait" | "reject" | "replace";

/** One run's time on a pipeline; disposing it lets the next one begin. */
export interface Turn extends Disposable {
  /** Aborted by the caller's signal, by a run that replaces this one, and where the queue is closed. */
  readonly signal: AbortSignal;
}

/** Lets runs have a pipeline one at a time, in the order in which they ask. */
export interface RunQueue {
  /** Runs that wait, and the one that runs. */
  readonly length: number;
  enter(signal?: AbortSignal): Promise<Turn>;
  /** Ends what runs and what waits, refuses what comes; resolves when nothing runs any more. */
  close(): Promise<void>;
}

/** A queue for which `busy` decides what a run does that finds another one under way. */
export function runQueue(busy: Busy = "wait"): RunQueue {
  const entries = new Set<AbortController>();
  let last: Promise<void> = Promise.resolve();
  let closed = false;
  const endAll = (reason: unknown): void => {
    for (const entry of entries) entry.abort(reason);
  };
  return {
    get length() {
      return entries.size;
    },
    async enter(signal) {
      signal?.throwIfAborted();
      if (closed) throw disposed();
      if (entries.size > 0 && busy === "reject") {
        throw new DeepCacheError("BUSY", "Cannot run: another run is under way, and the queue is set to reject");
      }
      if (busy === "replace") endAll(new DOMException("The run was replaced by a newer one", "AbortError"));
      const own = new AbortController();
      const either = signal === undefined ? own.signal : AbortSignal.any([signal, own.signal]);
      let finish = (): void => {};
      const done = new Promise<void>((resolve) => {
        finish = resolve;
      });
      const before = last;
      last = before.then(() => done);
      entries.add(own);
      const leave = (): void => {
        entries.delete(own);
        finish();
      };
      try {
        await unlessAborted(before, either);
      } catch (error) {
        leave();
        throw error;
      }
      return { signal: either, [Symbol.dispose]: leave };
    },
    async close() {
      closed = true;
      endAll(disposed());
      await last;
    },
  };
}

const disposed = (): DeepCacheError => new DeepCacheError("DISPOSED", "Cannot run: the pipeline has been disposed of");

/** What `promise` gives, or the signal's reason where that comes first. */
async function unlessAborted(promise: Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  let refuse = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    refuse = () => reject(signal.reason);
    signal.addEventListener("abort", refuse, { once: true });
  });
  try {
    await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", refuse);
  }
  signal.throwIfAborted();
}
