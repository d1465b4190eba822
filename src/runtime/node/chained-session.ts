import type { Graph } from "../../onnx/graph.ts";
import type { OpenedSession, OrtTensors } from "./opened-session.ts";

/** `sessions` of the `pieces` of `graph` as one: each runs on what is fed and on what those before it give. */
export function chainedSession(
  graph: Graph,
  pieces: readonly Graph[],
  sessions: readonly OpenedSession[],
): OpenedSession {
  const given = pieces.map((_, i) => givenTo(graph, pieces, i));
  return {
    async run(feeds) {
      const known = new Map(Object.entries(feeds));
      for (const [i, session] of sessions.entries()) {
        const results = await session.run(pick(known, pieces[i]?.inputs), given[i]);
        for (const name of given[i] ?? []) known.delete(name);
        for (const [name, result] of Object.entries(results)) known.set(name, result);
      }
      return pick(known, graph.outputs);
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(sessions.map((session) => session[Symbol.asyncDispose]()));
    },
  };
}

const pick = (known: ReadonlyMap<string, OrtTensors[string]>, names: Graph["inputs"] = new Map()): OrtTensors =>
  Object.fromEntries([...known].filter(([name]) => names.has(name)));

/** Inputs of piece `index` that pieces before it made and nobody reads after it. */
function givenTo({ inputs, outputs }: Graph, pieces: readonly Graph[], index: number): ReadonlySet<string> {
  const later = pieces.slice(index + 1);
  const own = [...(pieces[index]?.inputs.keys() ?? [])];
  return new Set(
    own.filter((name) => !inputs.has(name) && !outputs.has(name) && !later.some((piece) => piece.inputs.has(name))),
  );
}
