import type { Attribute, Graph, Value } from "./graph.ts";
import { nameValues } from "./names.ts";

/** The graph as text, one node a line, for reading and for snapshots. */
export function printGraph(graph: Graph): string {
  const name = nameValues(graph);
  const typed = (value: Value): string => `${name(value)}: ${value.dtype}[${value.shape.join(", ")}]`;
  const list = (values: ReadonlyMap<string, Value>): string =>
    [...values].map(([key, value]) => `${key}: ${value.dtype}[${value.shape.join(", ")}]`).join(", ");
  const lines = graph.nodes.map(({ op, inputs, outputs, attributes }) => {
    const settings = Object.entries(attributes).map(([key, value]) => `${key}=${printAttribute(value)}`);
    const operands = inputs.map((input) => (input === undefined ? "_" : name(input)));
    return `  ${outputs.map(typed).join(", ")} = ${op}(${[...operands, ...settings].join(", ")})`;
  });
  const results = [...graph.outputs].map(([key, value]) => (name(value) === key ? key : `${key} = ${name(value)}`));
  return [`${graph.name}(${list(graph.inputs)}) {`, ...lines, `  return ${results.join(", ")}`, "}"].join("\n");
}

function printAttribute(value: Attribute): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number") return String(value);
  return "float" in value ? value.float.toString() : `[${value.join(", ")}]`;
}
