import { describe, expect, test } from "vitest";
import { memorySource } from "../../src/checkpoint/bytes/byte-sources/memory.ts";
import { graphBuilder } from "../../src/onnx/graph.ts";
import {
  add,
  argMax,
  concat,
  conv,
  gather,
  matmul,
  matmulTransposed,
  reshape,
  scale,
  sizeOf,
  slice,
  transpose,
} from "../../src/onnx/ops.ts";
import { broadcast, convolvedSize, productShape } from "../../src/onnx/shapes.ts";
import { tensor, zeros } from "../../src/tensor/tensor.ts";
import { runGraph } from "../support/runtimes/run-graph.ts";

describe("graphBuilder()", () => {
  test("refuses a second input of the same name", () => {
    const builder = graphBuilder("unet");
    builder.input("sample", "F32", [1]);
    expect(() => builder.input("sample", "F32", [2])).toThrow(
      new RangeError('Cannot add input "sample" to graph "unet" twice'),
    );
  });

  test("refuses sizes that are not whole numbers", () => {
    const builder = graphBuilder("g");
    for (const size of [-1, 0.5, Number.NaN]) {
      expect(() => builder.input("x", "F32", [2, size])).toThrow(
        `Value "x" cannot have shape [2,${size}]: sizes are whole numbers`,
      );
    }
  });

  test("shares small constants of the same type, shape and bits", () => {
    const { constant } = graphBuilder("g");
    const one = constant(Float32Array.of(1), []);
    expect(constant(Float32Array.of(1), [])).toBe(one);
    expect(constant(Float32Array.of(1), [1])).not.toBe(one);
    expect(constant(Int32Array.of(1), [])).not.toBe(one);
    expect(constant(BigInt64Array.of(1n), [])).not.toBe(one);
    expect(constant(Float32Array.of(2), [])).not.toBe(one);
    const zero = constant(Float32Array.of(0), []);
    expect(constant(Float32Array.of(-0), [])).not.toBe(zero);
    const buffer = Float32Array.of(5, 1, 7);
    expect(constant(buffer.subarray(1, 2), [])).toBe(one);
  });

  test("keeps a negative zero", async () => {
    const builder = graphBuilder("g");
    const x = builder.input("x", "F32", [1]);
    const zero = builder.constant(Float32Array.of(0), [1]);
    const minus = builder.constant(Float32Array.of(-0), [1]);
    const graph = builder.finish({ a: add(x, zero), b: add(x, minus) });
    const { a, b } = await runGraph(graph, { x: tensor(Float32Array.of(-0), [1]) });
    expect([a?.data[0], b?.data[0]]).toEqual([0, -0]);
  });

  test("refuses a constant of another length than its shape", () => {
    expect(() => graphBuilder("g").constant(new Float32Array(3), [2, 2])).toThrow(
      "Cannot make a constant [2,2] of 3 values",
    );
  });

  test("refuses a weight whose bytes do not fill its shape", () => {
    const data = { source: memorySource(new Uint8Array(), "/w"), offset: 0, length: 15 };
    expect(() => graphBuilder("g").weight("w.weight", "F16", [2, 4], data)).toThrow(
      'Weight "w.weight" F16[2,4] takes 16 bytes, not 15',
    );
  });

  test("tallies a value that a node computes, and no other", () => {
    const builder = graphBuilder("g");
    const x = builder.input("x", "F32", [1]);
    expect(() => builder.tally(x, 1)).toThrow('Cannot tally "x": no node of "g" computes it');
    const y = add(x, x);
    expect(builder.tally(builder.tally(y, 2), 3)).toBe(y);
    expect(builder.finish({ y }).nodes[0]?.referenceMacs).toBe(5);
  });
});

describe("operators", () => {
  const builder = graphBuilder("g");
  const input = (name: string, ...shape: number[]) => builder.input(name, "F32", shape);
  const image = input("image", 2, 4, 6, 8);
  const rows = input("rows", 3, 5);

  test.each([
    ["reshape", () => reshape(image, [2, 4, 47]), "Cannot reshape [2,4,6,8] to [2,4,47]"],
    ["slice past the end", () => slice(rows, 1, 2, 6), "Cannot slice [3,5] from 2 to 6 along axis 1"],
    ["slice backwards", () => slice(rows, 1, 2, 1), "Cannot slice [3,5] from 2 to 1 along axis 1"],
    ["slice of no axis", () => slice(rows, 2, 0, 1), 'Value "rows" [3,5] has no axis 2'],
    ["transpose", () => transpose(rows, [0, 2]), 'Value "rows" [3,5] has no axis 2'],
    [
      "concat",
      () => concat([image, input("b", 2, 4, 6, 7)], 1),
      "Cannot concatenate [2,4,6,7] to [2,4,6,8] along axis 1",
    ],
    ["concat of ranks", () => concat([image, rows], 1), "Cannot concatenate [3,5] to [2,4,6,8] along axis 1"],
    ["add", () => add(rows, input("c", 4, 5)), "Cannot broadcast [3,5] against [4,5]"],
    ["add of types", () => add(rows, builder.input("i", "I64", [3, 5])), "Cannot apply Add to F32 and I64"],
    ["matmul", () => matmul(rows, input("d", 3, 5)), "Cannot multiply [3,5] by [3,5]"],
    ["matmulTransposed", () => matmulTransposed(rows, input("e", 2, 4)), "Cannot multiply [3,5] by [2,4] transposed"],
    ["conv", () => conv(image, input("w", 3, 5, 1, 1), undefined), 'Cannot convolve 4 channels by "w" [3,5,1,1]'],
    ["conv of rows", () => conv(rows, input("v", 3, 5, 1, 1), undefined), 'Value "rows" [3,5] has no axis 2'],
    [
      "conv of too little",
      () => conv(image, input("u", 3, 4, 7, 7), undefined),
      "Cannot convolve a size of 6, padding included, by 7",
    ],
  ])("%s names the shapes that do not fit", (_, emit, message) => {
    expect(emit).toThrow(message);
  });

  test("infer the shapes that ONNX Runtime computes", async () => {
    const graph = graphBuilder("shapes");
    const x = graph.input("x", "F32", [2, 4, 6, 8]);
    const table = graph.input("table", "F32", [7, 3]);
    const ids = graph.input("ids", "I64", [2, 5]);
    const weight = graph.constant(new Float32Array(3 * 4 * 3 * 3), [3, 4, 3, 3]);
    const outputs = {
      strided: conv(x, weight, undefined, { stride: 2, pads: [0, 1, 1, 0] }),
      sliced: slice(x, 2, 1, 4),
      transposed: transpose(x, [0, 2, 3, 1]),
      joined: concat([x, slice(x, 1, 0, 1)], 1),
      picked: gather(table, ids),
      product: matmul(x, transpose(x, [0, 1, 3, 2])),
    };
    const results = await runGraph(graph.finish(outputs), {
      x: zeros([2, 4, 6, 8]),
      table: zeros([7, 3]),
      ids: { data: new BigInt64Array(10), shape: [2, 5] },
    });
    for (const [name, value] of Object.entries(outputs)) expect(results[name]?.shape, name).toEqual(value.shape);
    expect(argMax(graph.input("y", "F32", [2, 3, 4])).shape).toEqual([2, 3]);
  });

  test("leave out a multiplication by one", () => {
    expect(scale(rows, 1)).toBe(rows);
    expect(scale(rows, 2)).not.toBe(rows);
  });

  test("sizeOf() counts negative axes from the end", () => {
    expect([sizeOf(image, -1), sizeOf(image, -4)]).toEqual([8, 2]);
    expect(() => sizeOf(image, -5)).toThrow(RangeError);
  });
});

describe("shapes", () => {
  test("broadcast() stretches ones and missing axes", () => {
    expect(broadcast([2, 1, 4], [3, 1])).toEqual([2, 3, 4]);
    expect(broadcast([], [5])).toEqual([5]);
    expect(broadcast([], [])).toEqual([]);
    expect(broadcast([1], [0])).toEqual([0]);
    expect(() => broadcast([2], [0])).toThrow("Cannot broadcast [2] against [0]");
  });

  test("productShape() multiplies the last two axes and broadcasts the others", () => {
    expect(productShape([8, 1, 3, 5], [2, 5, 7], false)).toEqual([8, 2, 3, 7]);
    expect(productShape([3, 5], [7, 5], true)).toEqual([3, 7]);
    expect(() => productShape([5], [5, 7], false)).toThrow("Cannot multiply [5] by [5,7]");
    expect(() => productShape([3, 5], [5], false)).toThrow("Cannot multiply [3,5] by [5]");
    expect(() => productShape([2, 3, 5], [3, 5, 7], false)).toThrow("Cannot broadcast [2] against [3]");
  });

  test("convolvedSize() counts the places where the kernel fits", () => {
    expect(convolvedSize(8, 3, 1, 1, 1)).toBe(8);
    expect(convolvedSize(8, 3, 2, 0, 1)).toBe(4);
    expect(convolvedSize(9, 3, 2, 1, 1)).toBe(5);
    expect(convolvedSize(5, 1, 1, 0, 0)).toBe(5);
    expect(convolvedSize(3, 3, 2, 0, 0)).toBe(1);
    expect(() => convolvedSize(1, 3, 1, 0, 1)).toThrow("Cannot convolve a size of 2, padding included, by 3");
  });
});
