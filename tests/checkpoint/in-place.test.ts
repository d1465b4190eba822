import { expect, test } from "vitest";
import { fileSource } from "../../src/checkpoint/bytes/byte-sources/file.ts";
import { readTensor } from "../../src/checkpoint/read-tensor.ts";
import { readTorchFile } from "../../src/checkpoint/torch/torch-file.ts";
import { checkpointScope } from "../../src/layers/scope.ts";
import { graphBuilder } from "../../src/onnx/graph.ts";
import { add } from "../../src/onnx/ops.ts";
import { fixturePath } from "../support/fixtures.ts";
import { runGraph } from "../support/runtimes/run-graph.ts";

test.each(["zip.pt", "legacy.pt"])("ONNX Runtime reads every kind of float where it lies in %s", async (name) => {
  const { weights } = await readTorchFile(await fileSource(fixturePath(`original/pickle/${name}`)));
  const kinds = new Map([...weights].filter(([key]) => ["f64", "f32", "f16", "bf16", "rows"].includes(key)));
  expect(new Set([...kinds.values()].map(({ dtype }) => dtype))).toEqual(new Set(["F64", "F32", "F16", "BF16"]));
  for (const [key, weight] of kinds) {
    const builder = graphBuilder("add");
    const { root, check } = checkpointScope(builder, new Map([[key, weight]]));
    const zeros = { data: new Float32Array(weight.shape[0]! * weight.shape[1]!), shape: weight.shape };
    const x = builder.input("x", "F32", weight.shape);
    const graph = builder.finish({ sum: add(x, root.weight(key, weight.shape)) });
    check("a sum");
    expect((await runGraph(graph, { x: zeros }))["sum"], key).toEqual(await readTensor(weight));
  }
});
