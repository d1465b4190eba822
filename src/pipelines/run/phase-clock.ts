import type { Phase, PhaseSeconds, PipelineEvent } from "./events.ts";

/** Measures phases that follow one another. */
export interface PhaseClock {
  /** Ends the phase before and begins `phase`; gives the event that says so. */
  enter(phase: Phase): PipelineEvent;
  /** Ends the last phase. */
  leave(): PhaseSeconds;
}

/** A clock that starts now. */
export function phaseClock(now: () => number): PhaseClock {
  const seconds = { load: 0, encode: 0, denoise: 0, decode: 0 };
  const begin = now();
  let current: { phase: Phase; since: number } | undefined;
  const close = (): void => {
    if (current !== undefined) seconds[current.phase] += (now() - current.since) / 1000;
  };
  return {
    enter(phase) {
      close();
      current = { phase, since: now() };
      return { type: "phase", phase };
    },
    leave() {
      close();
      return { ...seconds, total: (now() - begin) / 1000 };
    },
  };
}
