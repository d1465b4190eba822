import { progressOf } from "./run-state.ts";
import { pair, status } from "./session.ts";

let running: AbortController | undefined;

/** Begins work in place of what is under way. */
export function begin(): AbortController {
  running?.abort();
  running = new AbortController();
  return running;
}

/** Does `work`, and says what became of it. */
export async function guarded(own: AbortController, work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (own !== running) return false; // a newer one has taken its place
    if (own.signal.aborted || (error as Error).name === "AbortError") stopped();
    else {
      const { message, code } = error as Error & { readonly code?: string };
      status.value = { kind: "error", message, code };
    }
    return false;
  }
}

function stopped(): void {
  const { done, of } = pair.value === undefined ? { done: 0, of: 0 } : progressOf(pair.value);
  const isRun = status.value.kind === "running" && pair.value !== undefined;
  status.value = isRun ? { kind: "stopped", done, of } : { kind: "empty" };
}

/** Ends what runs; what is there stays. */
export function stop(): void {
  running?.abort();
}

/** What the studio is doing when it does nothing. */
export function settle(): void {
  const isNew = pair.value === undefined || pair.value.from === "example";
  status.value = isNew ? { kind: "empty" } : { kind: "done" };
}
