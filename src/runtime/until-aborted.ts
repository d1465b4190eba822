import type { Runtime } from "./runtime.ts";

/** `runtime` whose loading stops with `signal`; sessions that it has loaded go on. */
export const loadsUntil = (runtime: Runtime, signal: AbortSignal | undefined): Runtime => ({
  ...runtime,
  load: (graph, options) => runtime.load(graph, { signal, ...options }),
});

/** `runtime` whose loading and running stop with `signal`: for sessions that end before what the signal is about. */
export const worksUntil = (runtime: Runtime, signal: AbortSignal | undefined): Runtime => ({
  ...runtime,
  async load(graph, options) {
    const session = await runtime.load(graph, { signal, ...options });
    return {
      run: (inputs, given) => session.run(inputs, { signal, ...given }),
      [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
    };
  },
});
