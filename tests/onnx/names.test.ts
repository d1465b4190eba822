import { expect, test } from "vitest";
import { graphBuilder } from "../../src/onnx/graph.ts";
import { nameValues } from "../../src/onnx/names.ts";
import { add } from "../../src/onnx/ops.ts";
import { writeModel } from "../../src/onnx/protobuf/model.ts";
import { tensor } from "../../src/tensor/tensor.ts";
import { runGraph } from "../support/runtimes/run-graph.ts";

test("nameValues() keeps the names of inputs and outputs and numbers the rest by hint", () => {
  const builder = graphBuilder("g");
  const x = builder.input("x", "F32", [1]);
  const weight = builder.weight("conv.weight", "F32", [1], undefined);
  const plain = builder.weight("scale", "F32", [1], undefined);
  const first = add(x, weight);
  const second = add(first, plain);
  const y = add(second, first);
  const graph = builder.finish({ y });
  const name = nameValues(graph);
  expect([x, weight, plain, first, second, y].map(name)).toEqual([
    "x",
    "conv.weight",
    "scale_0",
    "Add_0",
    "Add_1",
    "y",
  ]);
  expect([second, first].map(nameValues(graph)), "asked in another order").toEqual(["Add_1", "Add_0"]);
});

test("nameValues() never invents a name that an input, an output or another hint has", async () => {
  const builder = graphBuilder("g");
  const a = builder.input("Add_0", "F32", [1]);
  const b = builder.input("Add_1", "F32", [1]);
  const hidden = add(a, b);
  const hinted = builder.node("Add", [hidden, a], hidden, { hint: "Add_3" });
  const dotted = builder.node("Add", [hinted, a], hidden, { hint: "some.name" });
  const again = builder.node("Add", [dotted, a], hidden, { hint: "some.name" });
  const last = add(again, a);
  const graph = builder.finish({ Add_2: last, Add_4: last, "some.name": again });
  const name = nameValues(graph);
  const names = [a, b, hidden, hinted, dotted, again, last].map(name);
  expect(names).toEqual(["Add_0", "Add_1", "Add_3", "Add_3_0", "some.name_1", "some.name", "Add_2"]);
  expect(new Set([...names, "Add_4"]).size).toBe(8);
  const one = tensor(Float32Array.of(1), [1]);
  const results = await runGraph(graph, { Add_0: one, Add_1: one });
  expect(Object.entries(results).map(([key, { data }]) => [key, data[0]])).toEqual([
    ["Add_2", 6],
    ["Add_4", 6],
    ["some.name", 5],
  ]);
});

test("nameValues() refuses one name for two things, and no name", () => {
  const builder = graphBuilder("g");
  const x = builder.input("x", "F32", [1]);
  for (const value of [x, add(x, x)]) {
    expect(() => nameValues(builder.finish({ x: value }))).toThrow(
      'Cannot name an output of graph "g" "x": an input has that name',
    );
  }
  expect(() => writeModel(builder.finish({ "": add(x, x) }))).toThrow('Cannot name an input or output of graph "g" ""');
});
