import type { Graph } from "../../onnx/graph.ts";
import type { Lodged } from "../sessions/lodged.ts";
import type { Feeds, OpenedSession, Results } from "../sessions/opened-session.ts";

/** `sessions` of the `pieces` of `graph` as one: each runs on what is fed and on what those before it give. */
export function chainedSession(
  graph: Graph,
  pieces: readonly Graph[],
  sessions: readonly OpenedSession[],
): OpenedSession {
  const done = pieces.map((_, i) => doneAfter(graph, pieces, i));
  const taken = pieces.map(({ inputs }) => new Set(inputs.keys()));
  return {
    async run(feeds, signal) {
      const made = new Map<string, Lodged>();
      try {
        for (const [i, session] of sessions.entries()) {
          signal?.throwIfAborted();
          const results = await session.run(pick({ ...feeds, ...Object.fromEntries(made) }, taken[i]));
          for (const [name, result] of Object.entries(results)) made.set(name, result);
          for (const name of done[i] ?? []) {
            made.get(name)?.free();
            made.delete(name);
          }
        }
      } catch (error) {
        for (const result of made.values()) result.free();
        throw error;
      }
      return Object.fromEntries(made) as Results;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(sessions.map((session) => session[Symbol.asyncDispose]()));
    },
  };
}

const pick = (known: Feeds, names: ReadonlySet<string> = new Set()): Feeds =>
  Object.fromEntries(Object.entries(known).filter(([name]) => names.has(name)));

/** What no piece after piece `index` reads of the inputs of that piece which other pieces made. */
function doneAfter({ inputs, outputs }: Graph, pieces: readonly Graph[], index: number): readonly string[] {
  const later = pieces.slice(index + 1);
  const own = [...(pieces[index]?.inputs.keys() ?? [])];
  return own.filter(
    (name) => !inputs.has(name) && !outputs.has(name) && !later.some((piece) => piece.inputs.has(name)),
  );
}
