/** Shared with a thread: whether it is inside ONNX Runtime (at first it is, loading it), and whether the process is ending. */
export type BusyFlags = Int32Array<SharedArrayBuffer>;

const [BUSY, CLOSING] = [0, 1];
const watched = new Set<BusyFlags>();

/** Longer than any graph takes: a thread that was killed says nothing. */
const LONGEST_WAIT = 600_000;

/**
 * Flags for a thread that is about to start. ONNX Runtime aborts the process where its thread is stopped inside of it, so
 * that the end of the process waits for the graph that runs; no other is begun then.
 */
export function watchThread(): BusyFlags {
  const flags = new Int32Array(new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT));
  flags[BUSY] = 1;
  if (watched.size === 0) process.on("exit", waitForAll);
  watched.add(flags);
  return flags;
}

/** For a thread that has ended. */
export function unwatchThread(flags: BusyFlags): void {
  if (watched.delete(flags) && watched.size === 0) process.off("exit", waitForAll);
}

function waitForAll(): void {
  for (const flags of watched) Atomics.store(flags, CLOSING, 1);
  for (const flags of watched) if (Atomics.load(flags, BUSY) === 1) Atomics.wait(flags, BUSY, 1, LONGEST_WAIT);
}
