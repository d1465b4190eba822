import { pause } from "deepcache/tensor/in-turns.ts";

/** Looks that come when they are asked for, but not too often. */
export interface Paced {
  /** Looks now, or as soon as it is time again; in between, the page does what else there is to do. */
  ask(): Promise<void>;
  /** Looks a last time. */
  end(): void;
}

/** Has `look` called at most every `apart` milliseconds, and once more after the last time that it was asked for. */
export function paced(look: () => void, apart: number): Paced {
  let last = Number.NEGATIVE_INFINITY;
  let later: ReturnType<typeof setTimeout> | undefined;
  const now = (): void => {
    clearTimeout(later);
    later = undefined;
    last = performance.now();
    look();
  };
  return {
    async ask() {
      const left = last + apart - performance.now();
      if (left > 0) later ??= setTimeout(now, left);
      else {
        now();
        await pause();
      }
    },
    end: now,
  };
}
