import { graphBuilder } from "../../onnx/graph.ts";
import { matmulTransposed } from "../../onnx/ops.ts";
import { INT8_RANGES, withInt8 } from "../../onnx/passes/int8.ts";
import { memorySettings } from "../sessions/memory-settings.ts";
import type { Place } from "../sessions/place.ts";
import { openGraph } from "./open-graph.ts";

/** Sizes of a product that takes the usual kernels. */
const [ROWS, INNER, COLUMNS] = [16, 64, 32];

/**
 * The largest whole number that weights may become on this machine. x86 without VNNI adds products in pairs, in sixteen
 * bits, which two of the largest do not fit into: a product of such finds it out.
 */
export async function int8Range(place: Place): Promise<number> {
  const builder = graphBuilder("int8_range");
  const ones = (count: number): Float32Array => new Float32Array(count).fill(1);
  const x = builder.input("x", "F32", [ROWS, INNER]);
  const product = builder.finish({
    y: matmulTransposed(x, builder.constant(ones(COLUMNS * INNER), [COLUMNS, INNER])),
  });
  const graph = withInt8(product, new Set(product.nodes));
  const settings = { device: "cpu", threads: 1, memory: memorySettings(graph, false) } as const;
  await using session = await openGraph(graph, settings, place);
  const { y } = await session.run({ x: { data: ones(ROWS * INNER), dims: [ROWS, INNER] } });
  return rangeFor([...((await y?.read())?.data ?? [])].map(Number));
}

/** The range where a product of ones over `INNER` places gave `sums`. */
export const rangeFor = (sums: readonly number[]): number =>
  sums.length > 0 && sums.every((sum) => Math.abs(sum - INNER) < 1 / 2) ? INT8_RANGES.whole : INT8_RANGES.safe;
