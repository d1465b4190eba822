import { describe, expect, test } from "vitest";
import { sinusoid } from "../../src/layers/embeddings.ts";
import { graphBuilder } from "../../src/onnx/graph.ts";
import { add, argMax, cast, concat, equal, gather, identity, integers, multiply, sin } from "../../src/onnx/ops.ts";
import { separateNumbers } from "../../src/onnx/passes/given-numbers.ts";
import { F32_LAYER } from "../support/assertions/tolerances.ts";
import { runGraph } from "../support/runtimes/run-graph.ts";

describe("separateNumbers()", () => {
  /** The embedding of two timesteps beside something else. */
  const builder = graphBuilder("embedding");
  const time = builder.input("timestep", "F32", [2]);
  const waves = sinusoid(time, { width: 8, flipSinToCos: true, freqShift: 0 });
  const graph = builder.finish({ y: add(waves, builder.input("x", "F32", [2, 8])), same: identity(waves) });
  const separate = separateNumbers(graph);

  test("leaves nothing of angles in the graph, and asks for their numbers in place of the timestep", () => {
    expect(separate?.graph.nodes.map(({ op }) => op)).toEqual(["Concat", "Add", "Identity"]);
    expect([...(separate?.graph.inputs.keys() ?? [])]).toEqual(["x", "given_0", "given_1"]);
    expect(separate?.needs).toEqual(["timestep"]);
  });

  test("gives the numbers that the graph computes itself", async () => {
    const x = { data: new Float32Array(16).fill(0.5), shape: [2, 8] };
    const timestep = Float32Array.of(999, 1.5);
    const expected = await runGraph(graph, { timestep: { data: timestep, shape: [2] }, x });
    const given = separate?.compute(new Map([["timestep", timestep]])) ?? {};
    const feeds = Object.fromEntries(
      Object.entries(given).map(([name, { data, dims }]) => [name, { data, shape: dims }]),
    );
    const actual = await runGraph(separate!.graph, { x, ...feeds });
    expect(actual["y"]).toBeCloseTensor(expected["y"]!, F32_LAYER);
    expect(actual["same"]).toBeCloseTensor(expected["same"]!, F32_LAYER);
  });

  test("keeps an input that is read otherwise, too", () => {
    const other = graphBuilder("other");
    const x = other.input("x", "F32", [3]);
    const found = separateNumbers(other.finish({ y: add(sin(multiply(x, x)), x) }));
    expect([...(found?.graph.inputs.keys() ?? [])]).toEqual(["x", "given_0"]);
    expect(found?.compute(new Map([["x", Float32Array.of(0, 1, 2)]]))).toEqual({
      given_0: { data: Float32Array.of(0, Math.sin(1), Math.sin(4)), dims: [3] },
    });
  });

  test("gives whole numbers that depend on inputs alone", async () => {
    const ids = graphBuilder("ids");
    const tokens = ids.input("tokens", "I64", [2, 3]);
    const position = argMax(cast(equal(tokens, integers(tokens, [7])), "F32", 1));
    const table = ids.input("table", "F32", [6, 1]);
    const graph = ids.finish({ y: gather(table, add(position, integers(tokens, [0, 3]))) });
    const found = separateNumbers(graph);
    expect(found?.graph.nodes.map(({ op }) => op)).toEqual(["Gather"]);
    expect(found?.compute(new Map([["tokens", BigInt64Array.of(1n, 7n, 7n, 7n, 0n, 7n)]]))).toEqual({
      given_0: { data: BigInt64Array.of(1n, 3n), dims: [2] },
    });
  });

  test("has nothing to do where there is nothing of the kind, or where it depends on what a device computes", () => {
    const plain = graphBuilder("plain");
    expect(separateNumbers(plain.finish({ y: identity(plain.input("x", "F32", [1])) }))).toBeUndefined();
    const deep = graphBuilder("deep");
    const x = deep.input("x", "F32", [1]);
    expect(separateNumbers(deep.finish({ y: sin(concat([x, x], 0)) }))).toBeUndefined();
  });
});
