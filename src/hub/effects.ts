import type { Fetch } from "./http/request.ts";

/** What downloads take of the world; tests pass their own. */
export interface HubEffects {
  readonly fetch: Fetch;
  /** Milliseconds from a fixed point. */
  now(): number;
  /** Rejects with the signal's reason where that comes first. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

/** The world as it is. */
export const realEffects: HubEffects = {
  fetch: (url, init) => fetch(url, init),
  now: () => performance.now(),
  sleep: (milliseconds, signal) =>
    new Promise((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", end);
        resolve();
      }, milliseconds);
      if (signal?.aborted === true) end();
      else signal?.addEventListener("abort", end, { once: true });
    }),
};
