import { useEffect, useRef } from "preact/hooks";
import { progressOf, speedupOf } from "../state/run-state.ts";
import { pair, status } from "../state/session.ts";

/** Tells screen readers how far a run is, a quarter at a time, and the tab's title how far exactly. */
export function Live() {
  const now = status.value;
  const shown = pair.value;
  const { done, of } = shown === undefined ? { done: 0, of: 0 } : progressOf(shown);
  const quarter = useRef("");
  quarter.current = saying();
  useEffect(() => {
    document.title = now.kind === "running" && of > 0 ? `${done}/${of} · deepcache studio` : "deepcache studio";
  });
  return (
    <output class="hidden" aria-live="polite">
      {quarter.current}
    </output>
  );

  function saying(): string {
    switch (now.kind) {
      case "opening":
        return "Opening the model";
      case "running":
        return of === 0 ? "Starting" : `${Math.floor((4 * done) / of) * 25} percent`;
      case "done": {
        const speedup = shown === undefined ? undefined : speedupOf(shown);
        return speedup === undefined ? "Done" : `Done: ${speedup.toFixed(1)} times as fast`;
      }
      case "stopped":
        return "Stopped";
      default:
        return "";
    }
  }
}
