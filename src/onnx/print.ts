import type { Attribute, Graph, Value } from "./graph.ts";
import { nameValues } from "./names.ts";

/** Constants of at most this many numbers are printed in full. */
const LITERAL_SIZE = 8;

/** The graph as text, one node a line, for reading and for snapshots. */
export function printGraph(graph: Graph): string {
  const name = nameValues(graph);
  const operand = (value: Value): string => {
    const initializer = graph.initializers.get(value);
    if (initializer?.kind !== "constant" || initializer.data.length > LITERAL_SIZE) return name(value);
    const { data } = initializer;
    return value.shape.length === 0 ? String(data[0]) : `[${Array.from<number | bigint>(data).join(", ")}]`;
  };
  const typed = (value: Value): string => `${name(value)}: ${value.dtype}[${value.shape.join(", ")}]`;
  const list = (values: ReadonlyMap<string, Value>): string =>
    [...values].map(([key, value]) => `${key}: ${value.dtype}[${value.shape.join(", ")}]`).join(", ");
  const lines = graph.nodes.map(({ op, inputs, outputs, attributes }) => {
    const settings = Object.entries(attributes).map(([key, value]) => `${key}=${printAttribute(value)}`);
    const operands = inputs.map((input) => (input === undefined ? "_" : operand(input)));
    return `  ${outputs.map(typed).join(", ")} = ${op}(${[...operands, ...settings].join(", ")})`;
  });
  const results = [...graph.outputs].map(([key, value]) =>
    operand(value) === key ? key : `${key} = ${operand(value)}`,
  );
  return [`${graph.name}(${list(graph.inputs)}) {`, ...lines, `  return ${results.join(", ")}`, "}"].join("\n");
}

function printAttribute(value: Attribute): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number") return String(value);
  return "float" in value ? value.float.toString() : `[${value.join(", ")}]`;
}
