import type { Graph, Value } from "../onnx/graph.ts";
import { elementCount } from "../tensor/tensor.ts";
import type { Feed } from "./runtime.ts";

/** What of a graph is asked for once it is loaded. */
export interface GraphSignature {
  readonly name: string;
  readonly inputs: ReadonlyMap<string, Pick<Value, "dtype" | "shape">>;
  readonly outputs: ReadonlyMap<string, Pick<Value, "shape">>;
}

/** The signature of `graph` by itself: values know the graph that they were made in, which would stay in memory with them. */
export const signatureOf = ({ name, inputs, outputs }: Graph): GraphSignature => ({
  name,
  inputs: new Map([...inputs].map(([input, { dtype, shape }]) => [input, { dtype, shape }])),
  outputs: new Map([...outputs].map(([output, { shape }]) => [output, { shape }])),
});

/** Refuses inputs that are not exactly those of `graph`, by name, element type and shape. */
export function checkFeeds(graph: Omit<GraphSignature, "outputs">, feeds: Readonly<Record<string, Feed>>): void {
  const refuse = (name: string, problem: string): never => {
    throw new TypeError(`Cannot run graph "${graph.name}": input "${name}" ${problem}`);
  };
  for (const [name, { dtype, shape }] of graph.inputs) {
    const feed = feeds[name] ?? refuse(name, `is missing; given are ${quoted(Object.keys(feeds))}`);
    if (feed.shape.join() !== shape.join()) refuse(name, `has shape [${feed.shape}] where [${shape}] is required`);
    if ("download" in feed) continue;
    const found = feed.data instanceof Float32Array ? "F32" : "I64";
    if (found !== dtype) refuse(name, `holds ${found} where ${dtype} is required`);
    if (feed.data.length !== elementCount(shape)) refuse(name, `[${shape}] does not have ${feed.data.length} values`);
  }
  const unknown = Object.keys(feeds).find((name) => !graph.inputs.has(name));
  if (unknown !== undefined) refuse(unknown, `is unknown; it takes ${quoted([...graph.inputs.keys()])}`);
}

const quoted = (names: readonly string[]): string =>
  names.length === 0 ? "none" : names.map((name) => `"${name}"`).join(", ");
