import { describe, expect, test } from "vitest";
import { describedModel } from "../../src/benchmark/random-model.ts";
import { openComponent } from "../../src/checkpoint/folder/component.ts";
import { cachedNodes, cut } from "../../src/deepcache/cut.ts";
import { describeUNet } from "../../src/deepcache/describe-unet.ts";
import { preludeNodes, separatePrelude } from "../../src/deepcache/prelude.ts";
import { forGuidance, withSharedHalves } from "../../src/deepcache/shared-halves.ts";
import { architecture } from "../../src/models/architectures.ts";
import { controlNetFor } from "../../src/models/control/control-network.ts";
import { type UNet, unet } from "../../src/models/unet/unet.ts";
import { unetConfig } from "../../src/models/unet/unet-config.ts";
import type { Graph, GraphNode } from "../../src/onnx/graph.ts";
import { countMacs } from "../../src/onnx/macs.ts";
import type { Feed } from "../../src/runtime/runtime.ts";
import { concatenate } from "../../src/tensor/concatenate.ts";
import { elementCount, type Tensor } from "../../src/tensor/tensor.ts";
import { NETWORK_CALL } from "../support/assertions/tolerances.ts";
import { fixturePath } from "../support/fixtures.ts";
import { randomTensor } from "../support/random-tensor.ts";
import { runGraph } from "../support/runtimes/run-graph.ts";

const UNETS = ["unet-sd15", "unet-sd21", "unet-sdxl", "unet-inpaint9", "unet-fp16", "unet-bk-base", "unet-uneven"];

/** Of `images` pictures, guided. */
async function network(name: string, images: number, hoist?: number): Promise<UNet> {
  const component = await openComponent(fixturePath(`models/${name}`));
  const config = unetConfig(component.config);
  const [height, width] = config.sampleSize ?? [16, 16];
  return unet(config, { batch: 2 * images, height, width, contextLength: 5, hoist }, component.weights);
}

/** Random inputs for a graph that shares its halves, and the same for one that does not. */
function feedsOf({ inputs }: Graph): Readonly<Record<"shared" | "both", Record<string, Feed>>> {
  const shared: Record<string, Feed> = {};
  [...inputs].forEach(([name, { dtype, shape }], i) => {
    const labels = { data: new BigInt64Array(elementCount(shape)), shape };
    shared[name] =
      dtype === "I64" ? labels : name === "timestep" ? { data: Float32Array.of(500), shape } : randomTensor(shape, i);
  });
  const sample = shared["sample"] as Tensor;
  return { shared, both: { ...shared, sample: concatenate([sample, sample], 0) } };
}

async function predictionOf(graph: Graph, feeds: Readonly<Record<string, Feed>>): Promise<Record<string, Tensor>> {
  return await runGraph(graph, Object.fromEntries([...graph.inputs.keys()].map((name) => [name, feeds[name]!])));
}

describe.each(UNETS)("%s shown the sample once", (name) => {
  test.each([1, 2])("predicts what it does when it is shown it twice: %i images", async (images) => {
    const whole = await network(name, images);
    const half = withSharedHalves(whole);
    expect(half.graph.inputs.get("sample")?.shape[0]).toBe(images);
    const { shared, both } = feedsOf(half.graph);
    const { prediction } = await predictionOf(half.graph, shared);
    expect(prediction).toBeCloseTensor((await predictionOf(whole.graph, both))["prediction"] as Tensor, NETWORK_CALL);
  });

  test("cut, too", async () => {
    const half = withSharedHalves(await network(name, 2, 1));
    const { shared } = feedsOf(half.graph);
    const { prediction } = await predictionOf(half.graph, shared);
    const { prelude, network: rest } = separatePrelude(half);
    const early = prelude === undefined ? {} : await predictionOf(prelude, shared);
    const { full, cached } = cut(rest, 1);
    const { prediction: first, ...kept } = await predictionOf(full, { ...shared, ...early });
    expect(first).toBeCloseTensor(prediction as Tensor, NETWORK_CALL);
    const again = await predictionOf(cached, { ...shared, ...early, ...kept });
    expect(again["prediction"]).toBeCloseTensor(prediction as Tensor, NETWORK_CALL);
  });
});

describe("withSharedHalves()", () => {
  const sd15 = describedModel("stable-diffusion-v1-5", "fp16").model.unet;
  const size = { batch: 2, height: 64, width: 64, contextLength: 77 };
  /** Operations of a full and of a cached evaluation. */
  const counted = (network: UNet, branch: number): readonly [number, number] => {
    const once = preludeNodes(network);
    const macsOf = (nodes: readonly GraphNode[]): number =>
      countMacs({ nodes: nodes.filter((node) => !once.has(node)) }).total;
    return [macsOf(network.graph.nodes), macsOf(cachedNodes(network, branch))];
  };
  const guided = (branch: number): UNet => unet(sd15.config, { ...size, hoist: branch });

  test.each([
    [0, 0.031, 0.077],
    [1, 0.026, 0.122],
    [2, 0.026, 0.072],
  ])(
    "saves at branch %i of Stable Diffusion 1.5 %d of a full and %d of a cached evaluation",
    (branch, full, cached) => {
      const whole = guided(branch);
      const [before, after] = [counted(whole, branch), counted(withSharedHalves(whole), branch)];
      expect(1 - after[0] / before[0]).toBeCloseTo(full, 3);
      expect(1 - after[1] / before[1]).toBeCloseTo(cached, 3);
    },
  );

  test("takes what descriptions of networks say", () => {
    const { branches } = describeUNet(architecture("stable-diffusion-v1-5").unet);
    for (const branch of [0, 1, 2]) {
      expect(branches[branch]?.guided).toBe(counted(withSharedHalves(guided(branch)), branch)[1]);
    }
  });

  test("shares what a ControlNet's first layers do, too", () => {
    const controls = { networks: [controlNetFor(sd15.config)] };
    const macs = (network: UNet): number => countMacs(network.graph).total;
    const [plain, steered] = [undefined, controls].map((own) => {
      const whole = unet(sd15.config, size, undefined, own);
      return macs(whole) - macs(withSharedHalves(whole));
    });
    expect(steered! / plain!).toBeGreaterThan(1.4);
  });

  test("leaves the network that it is given as it is", async () => {
    const whole = await network("unet-sd15", 1);
    const before = countMacs(whole.graph);
    withSharedHalves(whole);
    expect(countMacs(whole.graph)).toEqual(before);
    expect(whole.graph.inputs.get("sample")?.shape[0]).toBe(2);
  });

  test("refuses rows that are no pairs", () => {
    expect(() => withSharedHalves(unet(sd15.config, { ...size, batch: 3 }))).toThrow(
      "Cannot share the halves of 3 rows: guidance shows every image twice",
    );
  });

  test("is for networks that it saves a thousand million multiplications", async () => {
    const small = await network("unet-sd15", 1);
    expect(forGuidance(small)).toBe(small);
    expect(forGuidance(unet(sd15.config, size)).graph.inputs.get("sample")?.shape[0]).toBe(1);
  });
});
