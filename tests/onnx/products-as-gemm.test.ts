import { describe, expect, test } from "vitest";
import { graphBuilder, type Value } from "../../src/onnx/graph.ts";
import { countMacs } from "../../src/onnx/macs.ts";
import { add, cast, identity, matmul, matmulTransposed } from "../../src/onnx/ops.ts";
import { productsAsGemm } from "../../src/onnx/passes/products-as-gemm.ts";
import { F32_LAYER } from "../support/assertions/tolerances.ts";
import { randomTensor } from "../support/random-tensor.ts";
import { runGraph } from "../support/runtimes/run-graph.ts";

/** Two linear layers over tokens, one with a bias that is widened, and one over rows whose product is read twice. */
function layers() {
  const builder = graphBuilder("layers");
  const x = builder.input("x", "F32", [2, 3, 4]);
  const weight = (shape: readonly number[], seed: number): Value =>
    builder.constant(randomTensor([...shape], seed).data, shape);
  const first = matmulTransposed(x, weight([5, 4], 1));
  const bias = identity(weight([5], 2));
  const second = matmulTransposed(add(first, bias), weight([4, 5], 3));
  const rows = matmulTransposed(builder.input("rows", "F32", [3, 4]), weight([2, 4], 4));
  return builder.finish({ y: second, twice: add(rows, rows), once: add(rows, weight([2], 5)) });
}

describe("productsAsGemm()", () => {
  const graph = layers();
  const rewritten = productsAsGemm(graph);

  test("computes the same to the last bits with Gemm alone, a bias inside it where nothing else reads the product", async () => {
    expect(rewritten.nodes.map(({ op }) => op)).toEqual([
      "Identity",
      "Reshape",
      "Gemm",
      "Reshape",
      "Reshape",
      "Gemm",
      "Reshape",
      "Gemm",
      "Add",
      "Add",
    ]);
    const feeds = { x: randomTensor([2, 3, 4], 7), rows: randomTensor([3, 4], 8) };
    const [expected, actual] = [await runGraph(graph, feeds), await runGraph(rewritten, feeds)];
    for (const name of ["y", "twice", "once"]) expect(actual[name]).toBeCloseTensor(expected[name]!, F32_LAYER);
  });

  test("leaves operations as many as they are, and the graph that it is given as it is", () => {
    expect(countMacs(rewritten)).toEqual(countMacs(graph));
    expect(graph.nodes.map(({ op }) => op)).toContain("FusedMatMul");
  });

  test("leaves other products alone", () => {
    const builder = graphBuilder("products");
    const [a, b] = [builder.input("a", "F32", [2, 3, 4]), builder.input("b", "F32", [2, 5, 4])];
    const graph = builder.finish({
      batched: matmulTransposed(a, b),
      plain: matmul(a, cast(b, "F32", 1).builder.input("c", "F32", [4, 6])),
    });
    expect(productsAsGemm(graph).nodes).toEqual(graph.nodes);
  });
});
