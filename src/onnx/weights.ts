import { DTYPES } from "../tensor/dtype.ts";
import { elementCount } from "../tensor/tensor.ts";
import type { Graph, Value } from "./graph.ts";

/** Bytes of a graph's weights as the checkpoint has them. */
export const storedBytes = (graph: Graph): number =>
  sum(graph, ({ dtype, shape }) => elementCount(shape) * DTYPES[dtype].bytes);

/** Bytes of a graph's weights once all of them are float32 but for those that are computed with as whole numbers. */
export const widenedBytes = (graph: Graph): number =>
  sum(
    graph,
    ({ dtype, shape }) => elementCount(shape) * (dtype === "I8" ? DTYPES.I8.bytes : Float32Array.BYTES_PER_ELEMENT),
  );

function sum({ initializers }: Graph, bytesOf: (weight: Value) => number): number {
  let bytes = 0;
  for (const [value, { kind }] of initializers) if (kind === "weight") bytes += bytesOf(value);
  return bytes;
}
