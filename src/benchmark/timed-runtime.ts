import type { Runtime } from "../runtime/runtime.ts";

/** A runtime that adds up how long its sessions run. */
export interface TimedRuntime extends Runtime {
  /** Seconds inside sessions' `run` since the last call; messages to the thread of a session and back count as inside. */
  takeSeconds(): number;
}

/** `runtime` with a clock around every run of a session. */
export function timedRuntime(runtime: Runtime, now: () => number): TimedRuntime {
  let milliseconds = 0;
  return {
    ...runtime,
    async load(...given) {
      const session = await runtime.load(...given);
      return {
        async run(...given) {
          const start = now();
          try {
            return await session.run(...given);
          } finally {
            milliseconds += now() - start;
          }
        },
        [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
      };
    },
    takeSeconds() {
      const seconds = milliseconds / 1000;
      milliseconds = 0;
      return seconds;
    },
  };
}
