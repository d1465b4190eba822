import type { Graph } from "../../onnx/graph.ts";
import type { GivenNumbers, Numbers } from "../../onnx/passes/given-numbers.ts";
import type { Feeds, OpenedSession } from "./opened-session.ts";

/** `session` of a graph that is given numbers, which are computed here from what the whole graph is fed. */
export function fedNumbers(session: OpenedSession, numbers: GivenNumbers): OpenedSession {
  return {
    run(feeds, signal) {
      const inputs = new Map(numbers.needs.map((name) => [name, dataOf(feeds, name)] as const));
      return session.run({ ...picked(feeds, numbers.graph), ...numbers.compute(inputs) }, signal);
    },
    [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
  };
}

const picked = (feeds: Feeds, { inputs }: Graph): Feeds =>
  Object.fromEntries(Object.entries(feeds).filter(([name]) => inputs.has(name)));

function dataOf(feeds: Feeds, name: string): Numbers["data"] {
  const feed = feeds[name];
  if (feed !== undefined && "data" in feed && !(feed.data instanceof Int8Array)) return feed.data;
  throw new TypeError(`Cannot run: "${name}" is required as numbers, not as a result of another graph`);
}
