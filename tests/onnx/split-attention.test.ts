import { describe, expect, test } from "vitest";
import { type Graph, graphBuilder } from "../../src/onnx/graph.ts";
import { countMacs } from "../../src/onnx/macs.ts";
import { identity, multiHeadAttention } from "../../src/onnx/ops.ts";
import { splitAttention } from "../../src/onnx/passes/split-attention.ts";
import { F32_LAYER } from "../support/assertions/tolerances.ts";
import { randomTensor } from "../support/random-tensor.ts";
import { runGraph } from "../support/runtimes/run-graph.ts";

/** Attention of 6 positions over 4, in 2 heads of 8. */
function attention(masked: boolean): Graph {
  const builder = graphBuilder("attention");
  const q = builder.input("q", "F32", [2, 6, 16]);
  const [k, v] = [builder.input("k", "F32", [2, 4, 16]), builder.input("v", "F32", [2, 4, 16])];
  const bias = masked ? builder.input("bias", "F32", [1, 1, 6, 4]) : undefined;
  return builder.finish({ y: identity(multiHeadAttention(q, k, v, 2, bias)) });
}

describe.each([false, true])("splitAttention() with a bias: %s", (masked) => {
  const graph = attention(masked);
  const split = splitAttention(graph);

  test("computes the same without MultiHeadAttention", async () => {
    expect(split.nodes.map(({ op }) => op)).not.toContain("MultiHeadAttention");
    const feeds = Object.fromEntries([...graph.inputs].map(([name, { shape }], i) => [name, randomTensor(shape, i)]));
    const [expected, actual] = [await runGraph(graph, feeds), await runGraph(split, feeds)];
    expect(actual["y"]).toBeCloseTensor(expected["y"]!, F32_LAYER);
  });

  test("leaves the graph that it is given as it is, and the operations as many as they are", () => {
    expect(graph.nodes.map(({ op }) => op)).toEqual(["MultiHeadAttention", "Identity"]);
    expect(countMacs(split).total).toBe(countMacs(graph).total);
  });
});

test("splitAttention() gives a graph without attention back as it is", () => {
  const builder = graphBuilder("copy");
  const graph = builder.finish({ y: identity(builder.input("x", "F32", [1])) });
  expect(splitAttention(graph)).toEqual(graph);
});

test("splitAttention() refuses attention in a form that it does not know", () => {
  const builder = graphBuilder("packed");
  const packed = builder.input("qkv", "F32", [2, 6, 2, 3, 8]);
  const y = builder.node("MultiHeadAttention", [packed], { dtype: "F32", shape: [2, 6, 16] }, { hint: "heard" });
  expect(() => splitAttention(builder.finish({ y }))).toThrow(
    'Cannot split attention "heard": query, key and value [B, S, C] and a bias are required',
  );
});
