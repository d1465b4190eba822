import { describe, expect, test } from "vitest";
import { graphBuilder, type Value } from "../../src/onnx/graph.ts";
import { countMacs } from "../../src/onnx/macs.ts";
import { add, concat, gemm, identity, matmulTransposed, scale } from "../../src/onnx/ops.ts";
import { type ChangedLinear, withThinProducts } from "../../src/onnx/passes/thin-products.ts";
import { F32_LAYER } from "../support/assertions/tolerances.ts";
import { randomTensor } from "../support/random-tensor.ts";
import { runGraph } from "../support/runtimes/run-graph.ts";

/** What the reference counts in one of the layers. */
const COUNTED = 288;

/** Layers with one LoRA, with two, and with one whose changed weight something else reads as well. */
function layers() {
  const builder = graphBuilder("layers");
  let seed = 0;
  const random = (shape: readonly number[]): Value => builder.constant(randomTensor([...shape], ++seed).data, shape);
  const x = builder.input("x", "F32", [2, 3, 8]);
  const one = gemm(random([6, 2]), random([2, 8]), random([6, 8]), 0.5);
  const first = add(builder.tally(matmulTransposed(x, one), COUNTED), random([6]));
  const up = concat([scale(random([4, 2]), 0.5), scale(random([4, 2]), 0.25)], 1);
  const two = gemm(up, concat([random([2, 6]), random([2, 6])], 0), random([4, 6]), 1);
  const shared = gemm(random([8, 2]), random([2, 4]), random([8, 4]), 2);
  const second = matmulTransposed(first, two);
  return builder.finish({ y: matmulTransposed(second, shared), first, weight: identity(shared) });
}

describe("withThinProducts()", () => {
  const graph = layers();
  const feeds = { x: randomTensor([2, 3, 8], 99) };

  test("multiplies thin matrices beside the layers that are chosen, with the same results", async () => {
    const rewritten = withThinProducts(graph, () => true);
    expect(rewritten.nodes.filter(({ op }) => op === "FusedMatMul")).toHaveLength(7);
    const [expected, actual] = [await runGraph(graph, feeds), await runGraph(rewritten, feeds)];
    for (const name of ["y", "first", "weight"]) expect(actual[name]).toBeCloseTensor(expected[name]!, F32_LAYER);
  });

  test("leaves a weight that something else reads a sum, and drops those that nothing reads any more", () => {
    const sums = withThinProducts(graph, () => true).nodes.filter(({ op }) => op === "Gemm");
    expect(sums.map(({ outputs }) => outputs[0]?.shape)).toEqual([[8, 4]]);
  });

  test("asks for each layer by what it is applied to, and leaves those alone that are not chosen", () => {
    const asked: ChangedLinear[] = [];
    const same = withThinProducts(graph, (layer) => asked.push(layer) < 0);
    expect(asked).toEqual([
      { inner: 8, outer: 6, rank: 2, positions: 6 },
      { inner: 6, outer: 4, rank: 4, positions: 6 },
      { inner: 4, outer: 8, rank: 2, positions: 6 },
    ]);
    expect(same.nodes).toEqual(graph.nodes);
  });

  test("counts layers as the reference does", () => {
    expect(countMacs(withThinProducts(graph, () => true)).reference).toBe(COUNTED);
  });
});
