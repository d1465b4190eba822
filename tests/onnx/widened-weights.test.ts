import { describe, expect, test } from "vitest";
import { memorySource } from "../../src/checkpoint/bytes/byte-sources/memory.ts";
import { graphBuilder } from "../../src/onnx/graph.ts";
import { add, cast } from "../../src/onnx/ops.ts";
import { widenedWeights } from "../../src/onnx/passes/widened-weights.ts";
import { float32ToBfloat16, float32ToFloat16 } from "../../src/tensor/half.ts";
import { runGraph } from "../support/runtimes/run-graph.ts";

const bytesOf = ({ buffer }: Uint16Array | Float32Array): number[] => [...new Uint8Array(buffer)];

describe("widenedWeights()", () => {
  const values = Float32Array.of(1.5, -2, 0.25);
  const source = memorySource(
    Uint8Array.from([
      7,
      ...bytesOf(float32ToFloat16(values)), // at an odd place, as in some files
      ...bytesOf(float32ToBfloat16(values)),
      ...bytesOf(values),
    ]),
    "weights",
  );
  const builder = graphBuilder("weights");
  const x = builder.input("x", "F32", [3]);
  const weight = (name: string, dtype: "F16" | "BF16" | "F32", offset: number) =>
    builder.weight(name, dtype, [3], { source, offset, length: dtype === "F32" ? 12 : 6 });
  const half = cast(weight("half", "F16", 1), "F32", 1);
  const brain = cast(weight("brain", "BF16", 7), "F32", 1);
  const graph = builder.finish({ y: add(add(add(x, half), brain), weight("whole", "F32", 13)) });
  const wide = widenedWeights(graph);

  test("leaves no half-precision number and no cast in the graph", () => {
    expect(wide.nodes.map(({ op }) => op)).toEqual(["Add", "Add", "Add"]);
    expect([...wide.initializers].map(([{ dtype }]) => dtype)).toEqual(["F32", "F32", "F32"]);
    expect(graph.nodes.map(({ op }) => op)).toContain("Cast");
  });

  test("gives the same numbers", async () => {
    const feeds = { x: { data: Float32Array.of(0, 0, 0), shape: [3] } };
    const [expected, actual] = [await runGraph(graph, feeds), await runGraph(wide, feeds)];
    expect(actual["y"]).toEqual(expected["y"]);
    expect([...actual["y"]!.data]).toEqual([4.5, -6, 0.75]);
  });

  test("leaves a graph without such weights as it is", () => {
    expect(widenedWeights(wide)).toBe(wide);
  });
});
