import { describe, expect, test } from "vitest";
import { openComponent } from "../../src/checkpoint/folder/component.ts";
import { imagesToSamples } from "../../src/image/samples.ts";
import { clipConfig, clipModel } from "../../src/models/clip/clip.ts";
import { tokenInput } from "../../src/models/clip/clip-text.ts";
import { sceneFeatureWidth, sceneNetwork, sceneNetworkConfig } from "../../src/models/judges/scene-network.ts";
import { sceneMetricsFolder } from "../../src/systems/shipped.ts";
import { NETWORK_CALL } from "../support/assertions/tolerances.ts";
import { readFixture } from "../support/fixtures.ts";
import { heldOutScenes } from "../support/models/scenes.ts";
import { runGraph } from "../support/runtimes/run-graph.ts";
import { idRows, weightNames } from "./graphs.ts";

const expected = readFixture("scene-metrics/outputs.safetensors");
const { images } = heldOutScenes();

describe("the embedded scene network", () => {
  const open = async () => {
    const { config, configPath, weights } = await openComponent(`${sceneMetricsFolder()}/network`);
    return { config: sceneNetworkConfig(config, configPath), weights };
  };

  test("gives the features and logits of its PyTorch original", async () => {
    const { config, weights } = await open();
    const graph = sceneNetwork(config, { batch: images.length }, weights);
    const outputs = await runGraph(graph, { pixel_values: imagesToSamples(images) });
    for (const name of ["features", "noun_logits", "colour_logits"]) {
      expect(outputs[name]).toBeCloseTensor(expected.tensor(name), NETWORK_CALL);
    }
  });

  test("uses every weight exactly once", async () => {
    const { config, weights } = await open();
    expect(weightNames(sceneNetwork(config, { batch: 1 }, weights)).sort()).toEqual([...weights.keys()].sort());
  });

  test("has features of the last stage's width", async () => {
    const { config } = await open();
    expect(sceneFeatureWidth(config)).toBe(config.widths.at(-1));
    expect(expected.tensor("features").shape).toEqual([images.length, sceneFeatureWidth(config)]);
  });
});

describe("the embedded CLIP", () => {
  test("gives the embeddings and logits of its transformers original", async () => {
    const { config, weights } = await openComponent(`${sceneMetricsFolder()}/clip`);
    const settings = clipConfig(config);
    const ids = tokenInput(idRows(expected.tensor("input_ids")), settings.text);
    const graph = clipModel(settings, { images: images.length, texts: images.length, length: 24 }, weights);
    const outputs = await runGraph(graph, { input_ids: ids, pixel_values: imagesToSamples(images) });
    expect(outputs["image_embeds"]).toBeCloseTensor(expected.tensor("image_embeds"), NETWORK_CALL);
    expect(outputs["text_embeds"]).toBeCloseTensor(expected.tensor("text_embeds"), NETWORK_CALL);
    // Logits are cosines times a scale, and so is what rounding leaves of them.
    const scaled = { atol: LOGIT_SCALE * NETWORK_CALL.atol, rtol: 0 };
    expect(outputs["logits_per_image"]).toBeCloseTensor(expected.tensor("logits_per_image"), scaled);
  });
});

const LOGIT_SCALE = 20;

describe("sceneNetworkConfig()", () => {
  const config = {
    model_type: "scene-network",
    image_size: 16,
    widths: [4, 8],
    blocks: [1, 2],
    nouns: ["fox"],
    colours: ["red", "blue"],
  };

  test("describes a network that can be built without weights", () => {
    const graph = sceneNetwork(sceneNetworkConfig(config), { batch: 3 });
    expect([...graph.outputs].map(([name, { shape }]) => [name, shape])).toEqual([
      ["features", [3, 8]],
      ["noun_logits", [3, 1]],
      ["colour_logits", [3, 2]],
    ]);
  });

  test.each([
    [{ model_type: "clip" }, '"model_type" is "clip" where "scene-network" is required'],
    [{ widths: [] }, '"widths" is [] where a list of one width at least'],
    [{ blocks: [1] }, '"blocks" is [1] where a list of 2, one for each stage, is required'],
    [{ image_size: 0 }, '"image_size" is 0 where a whole number from 1 to 1048576 is required'],
    [{ nouns: [] }, '"nouns" is [] where a list of different names is required'],
    [{ colours: ["red", "red"] }, '"colours" is ["red","red"] where a list of different names is required'],
  ])("refuses %j", (change, message) => {
    expect(() => sceneNetworkConfig({ ...config, ...change }, "network/config.json")).toThrow(
      `Cannot use config "network/config.json": ${message}`,
    );
  });
});
