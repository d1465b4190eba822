import { expect, test } from "vitest";
import { floorSeconds, workOf } from "../../src/benchmark/roofline.ts";
import { graphBuilder } from "../../src/onnx/graph.ts";
import { conv, matmul, multiHeadAttention, softmax } from "../../src/onnx/ops.ts";

test("work is counted by the peak that bounds it", () => {
  const builder = graphBuilder("work");
  const image = builder.input("image", "F32", [1, 4, 8, 8]);
  const weight = builder.constant(new Float32Array(6 * 4 * 9), [6, 4, 3, 3]);
  const [queries, keys] = [builder.input("q", "F32", [2, 10, 12]), builder.input("k", "F32", [2, 7, 12])];
  const graph = builder.finish({
    convolved: conv(image, weight, undefined, { pads: [1, 1, 1, 1] }),
    attended: multiHeadAttention(queries, keys, keys, 3),
    weighted: matmul(softmax(builder.input("scores", "F32", [5, 6])), builder.input("v", "F32", [6, 2])),
  });
  const convolution = 6 * 64 * 4 * 9;
  const product = 2 * (2 * 10 * 7 * 12) + 5 * 6 * 2;
  expect(workOf([graph])).toEqual({ convolution, product, exponentials: 2 * 3 * 10 * 7 + 5 * 6 });
  expect(workOf([graph, graph]).product).toBe(2 * product);
  expect(workOf([])).toEqual({ convolution: 0, product: 0, exponentials: 0 });
});

test("the floor is the time of every kind of work at the machine's peak for it", () => {
  const peak = { convGflops: 4, gemmGflops: 2, softmaxGexps: 0.5 };
  expect(floorSeconds({ convolution: 2e9, product: 0, exponentials: 0 }, peak)).toBe(1);
  expect(floorSeconds({ convolution: 2e9, product: 3e9, exponentials: 1e9 }, peak)).toBe(1 + 3 + 2);
});
