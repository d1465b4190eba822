import type { Graph, Value } from "./graph.ts";

/** Gives every value of a graph its one name: inputs and outputs keep theirs, the rest is numbered by hint. */
export function nameValues(graph: Graph): (value: Value) => string {
  const names = new Map<Value, string>([...graph.inputs].map(([name, value]) => [value, name]));
  const taken = new Set([...graph.inputs.keys(), ...graph.outputs.keys()]);
  if (taken.has("")) throw new RangeError(`Cannot name an input or output of graph "${graph.name}" ""`);
  for (const [name, value] of graph.outputs) {
    if (graph.inputs.has(name)) {
      throw new RangeError(`Cannot name an output of graph "${graph.name}" "${name}": an input has that name`);
    }
    if (!names.has(value) && !graph.initializers.has(value)) names.set(value, name);
  }
  const counters = new Map<string, number>();
  const invent = (hint: string): string => {
    for (;;) {
      const count = counters.get(hint) ?? 0;
      counters.set(hint, count + 1);
      const name = count === 0 && hint.includes(".") ? hint : `${hint}_${count}`;
      if (!taken.has(name)) return name;
    }
  };
  const nameOf = (value: Value): string => {
    const known = names.get(value);
    if (known !== undefined) return known;
    const name = invent(value.hint);
    names.set(value, name);
    taken.add(name);
    return name;
  };
  // In one order, so that names do not depend on who asks first.
  for (const { inputs, outputs } of graph.nodes) {
    for (const value of [...inputs, ...outputs]) if (value !== undefined) nameOf(value);
  }
  for (const value of graph.outputs.values()) nameOf(value);
  return nameOf;
}
