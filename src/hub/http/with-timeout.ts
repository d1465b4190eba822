import { Passing } from "./retry.ts";

/** What waits for a server: every wait for more has its own time, and a signal from outside ends all. */
export interface Patience extends Disposable {
  readonly signal: AbortSignal;
  /** Gives `wait` so long to come true. */
  during<T>(wait: () => Promise<T>): Promise<T>;
}

/** Patience of so many milliseconds at a time. */
export function patience(milliseconds: number, outer: AbortSignal | undefined): Patience {
  const own = new AbortController();
  const pass = (): void => own.abort(outer?.reason);
  if (outer?.aborted === true) pass();
  else outer?.addEventListener("abort", pass, { once: true });
  return {
    signal: own.signal,
    async during(wait) {
      const timer = setTimeout(
        () => own.abort(new Passing(`nothing has come for ${milliseconds / 1000} s`)),
        milliseconds,
      );
      try {
        return await wait();
      } catch (error) {
        throw own.signal.aborted ? own.signal.reason : error;
      } finally {
        clearTimeout(timer);
      }
    },
    [Symbol.dispose]() {
      outer?.removeEventListener("abort", pass);
      own.abort(new Error("over"));
    },
  };
}
