import type { SeparateAngles } from "../../onnx/angles.ts";
import type { Graph } from "../../onnx/graph.ts";
import type { Feeds, OpenedSession } from "./opened-session.ts";

/** `session` of a graph without its sines and cosines, which are computed here from what the whole graph is fed. */
export function fedAngles(session: OpenedSession, angles: SeparateAngles): OpenedSession {
  return {
    run(feeds, signal) {
      const given = new Map(angles.needs.map((name) => [name, valuesOf(feeds, name)] as const));
      return session.run({ ...picked(feeds, angles.graph), ...angles.compute(given) }, signal);
    },
    [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
  };
}

const picked = (feeds: Feeds, { inputs }: Graph): Feeds =>
  Object.fromEntries(Object.entries(feeds).filter(([name]) => inputs.has(name)));

function valuesOf(feeds: Feeds, name: string): Float32Array {
  const feed = feeds[name];
  if (feed !== undefined && "data" in feed && feed.data instanceof Float32Array) return feed.data;
  throw new TypeError(`Cannot run: "${name}" is required as numbers, not as a result of another graph`);
}
