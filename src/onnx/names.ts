import type { Graph, Value } from "./graph.ts";

/** Gives every value of a graph its one name: inputs and outputs keep theirs, the rest is numbered by hint. */
export function nameValues(graph: Graph): (value: Value) => string {
  const names = new Map<Value, string>();
  const taken = new Set<string>();
  const give = (value: Value, name: string): void => {
    names.set(value, name);
    taken.add(name);
  };
  for (const [name, value] of graph.inputs) give(value, name);
  for (const [name, value] of graph.outputs) if (!names.has(value)) give(value, name);
  const counters = new Map<string, number>();
  const invent = (hint: string): string => {
    for (;;) {
      const count = counters.get(hint) ?? 0;
      counters.set(hint, count + 1);
      const name = count === 0 && hint.includes(".") ? hint : `${hint}_${count}`;
      if (!taken.has(name)) return name;
    }
  };
  return (value) => {
    const known = names.get(value);
    if (known !== undefined) return known;
    const name = invent(value.hint);
    give(value, name);
    return name;
  };
}
