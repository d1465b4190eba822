import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { writeSafetensors } from "../../src/checkpoint/safetensors/write-safetensors.ts";
import { plainImage } from "../../src/image/rgb-image.ts";
import { featureStatistics, frechetDistance } from "../../src/metrics/frechet-distance.ts";
import { matrix } from "../../src/metrics/linear-algebra/matrix.ts";
import { captionAccuracy } from "../../src/metrics/scene/scene-caption.ts";
import { openSceneModel, readSceneReference, sceneFeatures } from "../../src/metrics/scene/scene-features.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import { sceneMetricsFolder } from "../../src/systems/shipped.ts";
import { zeros } from "../../src/tensor/tensor.ts";
import { NETWORK_CALL } from "../support/assertions/tolerances.ts";
import { readFixture } from "../support/fixtures.ts";
import { heldOutScenes } from "../support/models/scenes.ts";
import { countingRuntime } from "../support/runtimes/counting-runtime.ts";

const { images, captions } = heldOutScenes();
const model = await openSceneModel(`${sceneMetricsFolder()}/network`);
const referencePath = `${sceneMetricsFolder()}/reference.safetensors`;

describe("sceneFeatures()", () => {
  test("reads scenes as their captions say, whatever the batch", async () => {
    for (const batch of [3, 8]) {
      await using network = sceneFeatures(nodeRuntime(), model, batch);
      const { features, readings } = await network.extract(images);
      expect(readings.map(({ noun, colour }) => `${noun}, ${colour}`)).toEqual(captions.map(shortened));
      expect(features).toBeCloseTensor(
        readFixture("scene-metrics/outputs.safetensors").tensor("features"),
        NETWORK_CALL,
      );
      expect(network.width).toBe(features.shape[1]);
    }
  });

  test("finds captions of other scenes wrong", async () => {
    await using network = sceneFeatures(nodeRuntime(), model, images.length);
    const { readings } = await network.extract(images);
    const verdicts = (shift: number) =>
      readings.map((reading, i) => captionAccuracy(captions[(i + shift) % captions.length]!, reading, model.config));
    expect(verdicts(0)).toEqual(readings.map(() => ({ noun: 1, colour: 1, both: 1 })));
    expect(verdicts(1).map(({ both }) => both)).toEqual(readings.map(() => 0));
  });

  test("loads its graph at the first use, once, and frees all that it held", async () => {
    const runtime = countingRuntime(nodeRuntime());
    const network = sceneFeatures(runtime, model, 2);
    expect(runtime.sessions).toBe(0);
    await Promise.all([network.extract(images.slice(0, 1)), network.extract(images.slice(0, 3))]);
    expect([runtime.sessions, runtime.tensors, runtime.runs.length]).toEqual([1, 0, 3]);
    await network[Symbol.asyncDispose]();
    expect(runtime.sessions).toBe(0);
  });

  test("frees nothing where nothing was loaded", async () => {
    const runtime = countingRuntime(nodeRuntime());
    await sceneFeatures(runtime, model, 2)[Symbol.asyncDispose]();
    expect(runtime.sessions).toBe(0);
  });

  test("refuses images of another size, and none", async () => {
    await using network = sceneFeatures(nodeRuntime(), model, 2);
    await expect(network.extract([images[0]!, plainImage(64, 32)])).rejects.toThrow(
      "Cannot look at an image of 64x32 pixels: this scene network sees 64x64",
    );
    await expect(network.extract([])).rejects.toThrow("Cannot look at no images: one at least is required");
  });

  test.each([0, -1, 1.5, Number.NaN])("refuses a batch of %s", (batch) => {
    expect(() => sceneFeatures(nodeRuntime(), model, batch)).toThrow(
      `Cannot look at ${batch} images at a time: a positive whole number is required`,
    );
  });
});

describe("readSceneReference()", () => {
  const folder = mkdtempSync(join(tmpdir(), "deepcache-scenes-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  test("reads the statistics of scenes that no network was trained on", async () => {
    const { count, statistics, features } = await readSceneReference(referencePath);
    const width = model.config.widths.at(-1)!;
    expect([count, statistics.mean.length, features.columns]).toEqual([6000, width, width]);
    expect([statistics.covariance.rows, statistics.covariance.columns]).toEqual([width, width]);
    const some = frechetDistance(statistics, featureStatistics(features));
    const dark = matrix(
      500,
      width,
      features.data.slice(0, 500 * width).map((value) => value / 2),
    );
    expect(frechetDistance(statistics, featureStatistics(dark))).toBeGreaterThan(10 * some);
  });

  const metadata = { count: "9" };
  const whole = { mean: zeros([2]), covariance: zeros([2, 2]), features: zeros([3, 2]) };
  test.each([
    [
      "no mean",
      { covariance: zeros([2, 2]), features: zeros([3, 2]) },
      metadata,
      '"mean" is missing where a vector is required',
    ],
    ["a mean of two axes", { ...whole, mean: zeros([1, 2]) }, metadata, '"mean" is [1,2] where a vector is required'],
    [
      "a covariance of one axis",
      { ...whole, covariance: zeros([4]) },
      metadata,
      '"covariance" is [4] where a matrix is required',
    ],
    [
      "another width of features",
      { ...whole, features: zeros([2, 3]) },
      metadata,
      "a mean of 2 values, a covariance [2,2] and features [2,3] do not belong together",
    ],
    ["no count", whole, {}, "the metadata's count is missing where a whole number from 2 is required"],
    ["a count of 1", whole, { count: "1" }, 'the metadata\'s count is "1" where a whole number from 2 is required'],
  ] as const)("refuses a file with %s", async (name, tensors, given, message) => {
    const path = join(folder, `${name}.safetensors`);
    await writeSafetensors(path, tensors, given);
    await expect(readSceneReference(path)).rejects.toThrow(`Cannot read reference features from "${path}": ${message}`);
  });
});

/** "a fox on a teal background" as "fox, teal". */
const shortened = (caption: string): string => caption.replace(/^an? (\w+) on an? (\w+) background$/, "$1, $2");
