import { describe, expect, test } from "vitest";
import { openComponent } from "../../src/checkpoint/folder/component.ts";
import { withSharedHalves } from "../../src/deepcache/shared-halves.ts";
import type { Controls } from "../../src/models/control/control-network.ts";
import { unet } from "../../src/models/unet/unet.ts";
import { unetConfig } from "../../src/models/unet/unet-config.ts";
import { openControl } from "../../src/systems/parts/control.ts";
import { concatenate } from "../../src/tensor/concatenate.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { NETWORK_CALL } from "../support/assertions/tolerances.ts";
import { fixturePath } from "../support/fixtures.ts";
import { randomTensor } from "../support/random-tensor.ts";
import { runGraph } from "../support/runtimes/run-graph.ts";

const CASES: readonly (readonly [string, readonly string[], Controls["guess"]])[] = [
  ["a ControlNet", ["controlnet-0"], undefined],
  ["two ControlNets", ["controlnet-0", "controlnet-1"], undefined],
  ["a ControlNet that guesses", ["controlnet-0"], "prompted"],
  ["a T2I-Adapter and a ControlNet", ["t2i-adapter", "controlnet-1"], undefined],
];

describe("a guided U-Net that is shown the sample once", () => {
  test.each(CASES)("predicts what it does when it is shown it twice, steered by %s", async (_, names, guess) => {
    const { config: json, weights } = await openComponent(fixturePath("pipelines/sd15/model/unet"));
    const config = unetConfig(json);
    const steerable = { name: "sd15", unet: config };
    const opened = names.map((name) => openControl(fixturePath(`adapters/sd15/${name}`), steerable));
    const networks = (await Promise.all(opened)).map(({ network }) => network);
    const whole = unet(config, { batch: 4, height: 8, width: 8, contextLength: 5 }, weights, { networks, guess });
    const half = withSharedHalves(whole);
    const feeds = Object.fromEntries(
      [...half.graph.inputs].map(([name, { shape }], i) => [
        name,
        name === "timestep" ? { data: Float32Array.of(500), shape } : randomTensor(shape, i),
      ]),
    );
    const sample = feeds["sample"] as Tensor;
    const once = await runGraph(half.graph, feeds);
    const twice = await runGraph(whole.graph, { ...feeds, sample: concatenate([sample, sample], 0) });
    expect(sample.shape[0]).toBe(2);
    expect(once["prediction"]).toBeCloseTensor(twice["prediction"] as Tensor, NETWORK_CALL);
  });
});
