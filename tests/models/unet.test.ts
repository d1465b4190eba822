import { describe, expect, test } from "vitest";
import { openComponent } from "../../src/checkpoint/folder/component.ts";
import { skipCount, unet } from "../../src/models/unet/unet.ts";
import { unetConfig } from "../../src/models/unet/unet-config.ts";
import type { Graph } from "../../src/onnx/graph.ts";
import { NETWORK_CALL } from "../support/assertions/tolerances.ts";
import { fixturePath, readFixture } from "../support/fixtures.ts";
import { caseNames, unetCase } from "../support/models/unet-cases.ts";
import { runGraph } from "../support/runtimes/run-graph.ts";

const UNETS = [
  "unet-sd15",
  "unet-sd21",
  "unet-sdxl",
  "unet-inpaint9",
  "unet-fp16",
  "unet-sharded",
  "unet-bin",
  "unet-ddpm-cifar",
  "unet-ddpm-lsun",
  "unet-bk-base",
  "unet-bk-small",
  "unet-bk-tiny",
  "unet-bk-v2-tiny",
  "unet-uneven",
];

describe.each(UNETS)("%s", (name) => {
  const io = readFixture(`models/${name}/io.safetensors`);

  test.each(caseNames(io))("%s gives the reference's output", async (label) => {
    const component = await openComponent(fixturePath(`models/${name}`));
    const { shape, feeds } = unetCase(io, label);
    const config = unetConfig(component.config);
    const network = unet(config, shape, component.weights);
    const { prediction } = await runGraph(network.graph, feeds);
    expect(prediction).toBeCloseTensor(io.tensor(io.has(`${label}output`) ? `${label}output` : "output"), NETWORK_CALL);
  });

  test.runIf(io.has("case0.skip.00"))("gives every intermediate tensor of the reference", async () => {
    const component = await openComponent(fixturePath(`models/${name}`));
    const { shape, feeds } = unetCase(io, "case0.");
    const config = unetConfig(component.config);
    const network = unet(config, shape, component.weights);
    const landmarks = new Map([
      ...network.skips.map((value, i) => [`skip.${String(i).padStart(2, "0")}`, value] as const),
      ["mid", network.mid] as const,
      ...network.ups.map((value, i) => [`up.${i}`, value] as const),
    ]);
    expect(network.skips).toHaveLength(skipCount(config));
    const graph: Graph = { ...network.graph, outputs: landmarks };
    const actual = await runGraph(graph, feeds);
    for (const landmark of landmarks.keys()) {
      expect(actual[landmark], landmark).toBeCloseTensor(io.tensor(`case0.${landmark}`), NETWORK_CALL);
    }
  });
});
