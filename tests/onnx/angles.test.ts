import { describe, expect, test } from "vitest";
import { sinusoid } from "../../src/layers/embeddings.ts";
import { separateAngles } from "../../src/onnx/angles.ts";
import { graphBuilder } from "../../src/onnx/graph.ts";
import { add, cast, concat, identity, multiply, sin } from "../../src/onnx/ops.ts";
import { F32_LAYER } from "../support/assertions/tolerances.ts";
import { runGraph } from "../support/runtimes/run-graph.ts";

describe("separateAngles()", () => {
  /** The embedding of two timesteps beside something else. */
  const builder = graphBuilder("embedding");
  const time = builder.input("timestep", "F32", [2]);
  const waves = sinusoid(time, { width: 8, flipSinToCos: true, freqShift: 0 });
  const graph = builder.finish({ y: add(waves, builder.input("x", "F32", [2, 8])), same: identity(waves) });
  const separate = separateAngles(graph);

  test("leaves nothing of angles in the graph, and asks for their numbers in place of the timestep", () => {
    expect(separate?.graph.nodes.map(({ op }) => op)).toEqual(["Concat", "Add", "Identity"]);
    expect([...(separate?.graph.inputs.keys() ?? [])]).toEqual(["x", "wave_0", "wave_1"]);
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
    const found = separateAngles(other.finish({ y: add(sin(multiply(x, x)), x) }));
    expect([...(found?.graph.inputs.keys() ?? [])]).toEqual(["x", "wave_0"]);
    expect(found?.compute(new Map([["x", Float32Array.of(0, 1, 2)]]))).toEqual({
      wave_0: { data: Float32Array.of(0, Math.sin(1), Math.sin(4)), dims: [3] },
    });
  });

  test("has nothing to do where there is no angle, or one that depends on what a device computes", () => {
    const plain = graphBuilder("plain");
    expect(separateAngles(plain.finish({ y: identity(plain.input("x", "F32", [1])) }))).toBeUndefined();
    const deep = graphBuilder("deep");
    const x = deep.input("x", "F32", [1]);
    expect(separateAngles(deep.finish({ y: sin(concat([x, x], 0)) }))).toBeUndefined();
    const whole = graphBuilder("whole");
    const ids = whole.input("ids", "I64", [1]);
    expect(separateAngles(whole.finish({ y: sin(cast(ids, "F32", 1)) }))).toBeUndefined();
  });
});
