import { expect, test } from "vitest";
import { openComponent } from "../../src/checkpoint/folder/component.ts";
import { emitT2iAdapter } from "../../src/models/control/control-graph.ts";
import { t2iAdapterConfig } from "../../src/models/control/t2i-adapter.ts";
import { graphBuilder } from "../../src/onnx/graph.ts";
import { NETWORK_CALL } from "../support/assertions/tolerances.ts";
import { fixturePath, readFixture } from "../support/fixtures.ts";
import { runGraph } from "../support/runtimes/run-graph.ts";

test("a light T2I-Adapter makes of a grey picture what the reference makes, at odd sizes", async () => {
  const golden = readFixture("adapters/sdxl/t2i.safetensors");
  const { config: json, weights } = await openComponent(fixturePath("adapters/sdxl/t2i-light"));
  const builder = graphBuilder("light");
  const picture = golden.tensor("light.image");
  const image = builder.input("image", "F32", picture.shape);
  const features = emitT2iAdapter(builder, { kind: "t2i-adapter", config: t2iAdapterConfig(json), weights }, image);
  const graph = builder.finish(Object.fromEntries(features.map((feature, i) => [`light.${i}`, feature])));
  const made = await runGraph(graph, { image: picture });
  expect(Object.keys(made)).toEqual(["light.0", "light.1", "light.2"]);
  for (const [name, feature] of Object.entries(made)) {
    expect(feature, name).toBeCloseTensor(golden.tensor(name), NETWORK_CALL);
  }
});
