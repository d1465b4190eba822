import { describe, expect, test } from "vitest";
import { attention, attentionBlock } from "../../src/layers/attention.ts";
import { conv2d } from "../../src/layers/conv2d.ts";
import { linear } from "../../src/layers/linear.ts";
import { groupNorm, layerNorm } from "../../src/layers/norms.ts";
import { checkpointScope, type Scope } from "../../src/layers/scope.ts";
import { type Builder, graphBuilder, type Value } from "../../src/onnx/graph.ts";
import { addMacs, countMacs, type Macs } from "../../src/onnx/macs.ts";
import { matmul, multiHeadAttention } from "../../src/onnx/ops.ts";

function count(emit: (scope: Scope, builder: Builder) => Value): Macs {
  const builder = graphBuilder("counted");
  const y = emit(checkpointScope(builder).root, builder);
  return countMacs(builder.finish({ y }));
}

describe("countMacs()", () => {
  test("counts a convolution as outputs times kernel, and its bias for the reference alone", () => {
    const macs = count((scope, { input }) =>
      conv2d(scope, input("x", "F32", [2, 3, 8, 6]), 5, { kernel: 3, stride: 2, padding: 1 }),
    );
    const outputs = 2 * 5 * 4 * 3;
    expect(macs).toEqual({ total: outputs * 27, attention: 0, reference: outputs * 27 + outputs });
  });

  test("leaves a bias out that is not there", () => {
    const macs = count((scope, { input }) => conv2d(scope, input("x", "F32", [1, 3, 2, 2]), 5, { bias: false }));
    expect(macs).toEqual({ total: 60, attention: 0, reference: 60 });
  });

  test("counts a linear layer, its bias once or for every position", () => {
    const layer = (countAs: "linear" | "convolution") =>
      count((scope, { input }) => linear(scope, input("x", "F32", [2, 7, 4]), 5, { countAs }));
    expect(layer("linear")).toEqual({ total: 280, attention: 0, reference: 280 + 5 });
    expect(layer("convolution")).toEqual({ total: 280, attention: 0, reference: 280 + 70 });
  });

  test("counts a matrix product with batch axes", () => {
    const macs = count((_, { input }) => matmul(input("a", "F32", [2, 3, 4, 5]), input("b", "F32", [5, 6])));
    expect(macs).toEqual({ total: 2 * 3 * 4 * 5 * 6, attention: 0, reference: 0 });
  });

  test("counts attention's two products whatever the number of heads", () => {
    for (const heads of [1, 2, 4]) {
      const macs = count((_, { input }) =>
        multiHeadAttention(
          input("q", "F32", [2, 9, 8]),
          input("k", "F32", [2, 5, 8]),
          input("v", "F32", [2, 5, 8]),
          heads,
        ),
      );
      expect(macs).toEqual({ total: 2 * (2 * 9 * 5 * 8), attention: 2 * (2 * 9 * 5 * 8), reference: 0 });
    }
  });

  test("counts an attention layer over a context", () => {
    const macs = count((scope, { input }) =>
      attention(scope, input("x", "F32", [1, 9, 8]), input("c", "F32", [1, 5, 6]), { heads: 2 }),
    );
    const projections = 9 * 8 * 8 + 2 * (5 * 6 * 8) + 9 * 8 * 8;
    expect(macs).toEqual({ total: projections + 720, attention: 720, reference: projections + 8 });
  });

  test("counts the paper's attention block with biases per pixel", () => {
    const macs = count((scope, { input }) =>
      attentionBlock(scope, input("x", "F32", [1, 4, 2, 3]), { heads: 1, groups: 2, epsilon: 1e-6 }),
    );
    const projections = 4 * (6 * 4 * 4);
    const products = 2 * 6 * 6 * 4;
    expect(macs).toEqual({
      total: projections + products,
      attention: products,
      reference: projections + 4 * (6 * 4) + 2 * 24,
    });
  });

  test("sees no multiplications in a norm, where the reference sees two per element", () => {
    const x = [2, 4, 3, 3];
    expect(count((scope, { input }) => groupNorm(scope, input("x", "F32", x), { groups: 2, epsilon: 1 }))).toEqual({
      total: 0,
      attention: 0,
      reference: 2 * 72,
    });
    expect(count((scope, { input }) => layerNorm(scope, input("x", "F32", [2, 5]))).reference).toBe(20);
  });

  test("is zero for a graph of no nodes", () => {
    expect(countMacs({ nodes: [] })).toEqual({ total: 0, attention: 0, reference: 0 });
  });
});

test("addMacs() adds every count", () => {
  const sum = addMacs({ total: 1, attention: 2, reference: 3 }, { total: 10, attention: 20, reference: 30 });
  expect(sum).toEqual({ total: 11, attention: 22, reference: 33 });
});
