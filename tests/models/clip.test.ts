import { describe, expect, test } from "vitest";
import { openComponent } from "../../src/checkpoint/folder/component.ts";
import { clipConfig, clipImageModel, clipModel, clipPromptModel, clipScores } from "../../src/models/clip/clip.ts";
import { tokenInput } from "../../src/models/clip/clip-text.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { NETWORK_CALL } from "../support/assertions/tolerances.ts";
import { fixturePath, readFixture } from "../support/fixtures.ts";
import { runGraph } from "../support/runtimes/run-graph.ts";
import { idRows, weightNames } from "./graphs.ts";

describe("clip-both", () => {
  const io = readFixture("models/clip-both/io.safetensors");
  const pixels = io.tensor("pixel_values");
  const open = async () => {
    const { config, weights } = await openComponent(fixturePath("models/clip-both"));
    const settings = clipConfig(config);
    return { config: settings, weights, ids: tokenInput(idRows(io.tensor("input_ids")), settings.text) };
  };
  /** Logits are cosines times exp(logit_scale), about 14, and scores 100 times: so is what rounding leaves of them. */
  const scaled = (factor: number) => ({ atol: factor * NETWORK_CALL.atol, rtol: 0 });

  test("the image tower gives what the reference gives", async () => {
    const { config, weights } = await open();
    const outputs = await runGraph(clipImageModel(config, { batch: 3 }, weights), { pixel_values: pixels });
    expect(outputs["last_hidden_state"]).toBeCloseTensor(io.tensor("vision.last_hidden_state"), NETWORK_CALL);
    expect(outputs["image_features"]).toBeCloseTensor(io.tensor("vision.pooler_output"), NETWORK_CALL);
    expect(outputs["image_embeds"]).toBeCloseTensor(io.tensor("image_embeds"), NETWORK_CALL);
  });

  test("the text tower gives what the reference gives", async () => {
    const { config, weights, ids } = await open();
    const outputs = await runGraph(clipPromptModel(config, { batch: 2, length: 77 }, weights), { input_ids: ids });
    expect(outputs["text_features"]).toBeCloseTensor(io.tensor("text.pooler_output"), NETWORK_CALL);
    expect(outputs["text_embeds"]).toBeCloseTensor(io.tensor("text_embeds"), NETWORK_CALL);
  });

  test("both together give the reference's logits and scores", async () => {
    const { config, weights, ids } = await open();
    const graph = clipModel(config, { images: 3, texts: 2, length: 77 }, weights);
    const outputs = await runGraph(graph, { input_ids: ids, pixel_values: pixels });
    expect(outputs["logits_per_image"]).toBeCloseTensor(io.tensor("logits_per_image"), scaled(Math.exp(2.6592)));
    const images = firstRows(outputs["image_embeds"]!, 2);
    const scores = Float32Array.from(clipScores(images, outputs["text_embeds"]!));
    expect({ data: scores, shape: [2] }).toBeCloseTensor(io.tensor("clip_score"), scaled(100));
  });

  test("uses every weight exactly once", async () => {
    const { config, weights } = await open();
    const keys = [...weights.keys()].filter((key) => !key.endsWith("position_ids")).sort();
    const whole = clipModel(config, { images: 1, texts: 1, length: 77 }, weights);
    expect(weightNames(whole).sort()).toEqual(keys);
    const towers = [
      clipImageModel(config, { batch: 1 }, weights),
      clipPromptModel(config, { batch: 1, length: 77 }, weights),
    ];
    expect(["logit_scale", ...towers.flatMap(weightNames)].sort()).toEqual(keys);
  });
});

describe("clipConfig()", () => {
  test("fills in what transformers fills in", () => {
    expect(clipConfig({ model_type: "clip" })).toMatchObject({
      projection: 512,
      text: { width: 512, heads: 8, innerWidth: 2048 },
      vision: { width: 768, heads: 12, innerWidth: 3072, imageSize: 224, patchSize: 32 },
    });
  });

  test("reads the older names of the towers' sections", () => {
    const { text, vision } = clipConfig({
      text_config_dict: { hidden_size: 64 },
      vision_config_dict: { hidden_size: 48 },
    });
    expect([text.width, vision.width]).toEqual([64, 48]);
  });

  test.each([
    [{ model_type: "siglip" }, '"model_type" is "siglip" where "clip" is required'],
    [{ vision_config: { patch_size: 400 } }, 'config "config.json: vision_config": "patch_size" is 400'],
    [{ text_config: 3 }, 'Cannot read config "config.json: text_config": it holds 3 where an object is required'],
  ])("refuses %j", (config, message) => {
    expect(() => clipConfig(config)).toThrow(message);
  });
});

describe("clipScores()", () => {
  const rows = (...data: number[]): Tensor => ({ data: Float32Array.from(data), shape: [data.length / 2, 2] });

  test("is 0 for opposites and 100 for the same direction", () => {
    expect(clipScores(rows(1, 0, 0, 1, 1, 0), rows(1, 0, 0, -1, 0, 1))).toEqual([100, 0, 0]);
  });

  test("refuses another number of texts than images", () => {
    expect(() => clipScores(rows(1, 0), rows(1, 0, 0, 1))).toThrow("Cannot score images [1,2] by texts [2,2]");
  });
});

function firstRows({ data, shape: [, width = 0] }: Tensor, count: number): Tensor {
  return { data: data.slice(0, count * width), shape: [count, width] };
}
