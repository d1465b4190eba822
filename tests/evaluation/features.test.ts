import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { type ClipModel, clipPixels, openClip } from "../../src/evaluation/clip-model.ts";
import { appendFeatures, extractReference, storedStatistics } from "../../src/evaluation/feature-files.ts";
import { clipInstrument } from "../../src/evaluation/instruments/clip.ts";
import { featureFile } from "../../src/evaluation/records.ts";
import { folderStore } from "../../src/evaluation/stores/folder.ts";
import { type RgbImage, rgbImage } from "../../src/image/rgb-image.ts";
import { featureStatistics } from "../../src/metrics/frechet-distance.ts";
import { matrix } from "../../src/metrics/matrix.ts";
import { clipModel } from "../../src/models/clip.ts";
import { tokenInput } from "../../src/models/clip-text.ts";
import { nodeRuntime } from "../../src/runtime/runtimes/node.ts";
import { torchGenerator } from "../../src/tensor/torch-generator.ts";
import { writeClipFolder } from "../support/clip-folder.ts";
import { runGraph } from "../support/run-graph.ts";

const folder = mkdtempSync(join(tmpdir(), "deepcache-features-"));
afterAll(() => rmSync(folder, { recursive: true }));

async function openModel(): Promise<ClipModel> {
  const place = join(folder, "clip");
  writeClipFolder(place);
  writeFileSync(join(place, "preprocessor_config.json"), '{"image_mean":[0.5,0.4,0.3],"image_std":[0.2,0.25,0.5]}');
  return await openClip(place);
}

const picture = (seed: number): RgbImage =>
  rgbImage(
    32,
    32,
    Uint8Array.from(torchGenerator(seed).randn([32 * 32 * 3]).data, (value) => 128 + 40 * value),
  );

describe("clipPixels()", () => {
  test("normalizes every channel by itself, planes one after the other", () => {
    const image = rgbImage(1, 1, Uint8Array.of(255, 0, 51));
    const { data, shape } = clipPixels([image], 1, { mean: [0.5, 0.4, 0.3], deviation: [0.2, 0.25, 0.5] });
    expect(shape).toEqual([1, 3, 1, 1]);
    expect([...data]).toEqual([2.5, -1.6, -0.2].map(Math.fround));
  });
});

describe("clipInstrument()", () => {
  const images = [1, 2, 3].map(picture);
  const texts = ["a fox", "an owl", "a fox"];
  const items = texts.map((text, index) => ({ index, seed: index, text }));

  test("gives the cosines of the whole model, 100 times, in full and in short batches", async () => {
    const model = await openModel();
    const { config, weights, tokenizer, normalization } = model;
    const { logits_per_image: logits } = await runGraph(
      clipModel(config, { images: 3, texts: 3, length: tokenizer.maxLength }, weights),
      {
        pixel_values: clipPixels(images, 32, normalization),
        input_ids: tokenInput(
          texts.map((text) => tokenizer.encode(text).ids),
          config.text,
        ),
      },
    );
    const scale = Math.exp(2.6592);
    const expected = [0, 4, 8].map((at) => Math.max(0, (100 * (logits?.data[at] ?? Number.NaN)) / scale));
    await using instrument = clipInstrument(nodeRuntime(), model, 4);
    const { clip } = await instrument.measure({ images, items, baseline: undefined });
    expect(clip).toHaveLength(3);
    for (const [i, score] of (clip ?? []).entries()) expect(score).toBeCloseTo(expected[i] ?? 0, 2);
  });

  test("gives features of every image, whatever else is in the batch", async () => {
    await using instrument = clipInstrument(nodeRuntime(), await openModel(), 2);
    const { clip: pair } = await instrument.extract(images.slice(0, 2));
    const { clip: alone } = await instrument.extract(images.slice(1, 2));
    expect(pair).toHaveLength(32);
    expect(alone).toEqual(pair?.slice(16));
    await expect(instrument.extract(images)).rejects.toThrow("Cannot measure 3 images at a time: 1 to 2 are required");
  });
});

describe("feature files", () => {
  test("storedStatistics() gives what all vectors at once give", () => {
    const store = folderStore(join(folder, "statistics"));
    const { data } = torchGenerator(4).randn([2500, 3]);
    appendFeatures(store, "clip", "off", data.subarray(0, 3000));
    appendFeatures(store, "clip", "off", data.subarray(3000));
    const { mean, covariance } = storedStatistics(store, featureFile("clip", "off"), 3);
    const expected = featureStatistics(matrix(2500, 3, Float64Array.from(data)));
    for (const [i, value] of mean.entries()) expect(value).toBeCloseTo(expected.mean[i] ?? 0, 12);
    for (const [i, value] of covariance.data.entries()) {
      expect(value).toBeCloseTo(expected.covariance.data[i] ?? 0, 12);
    }
  });

  test("storedStatistics() refuses a single vector and torn files", () => {
    const store = folderStore(join(folder, "single"));
    appendFeatures(store, "clip", "off", new Float32Array(3));
    expect(() => storedStatistics(store, featureFile("clip", "off"), 3)).toThrow(
      "features of 1, at least 2 are required",
    );
    expect(() => storedStatistics(store, featureFile("clip", "off"), 2)).toThrow("features of 1.5");
  });

  test("extractReference() goes on at the batch that it was stopped in, and asks for nothing twice", async () => {
    const asked: number[][] = [];
    const network = {
      outputs: { mean: 1 },
      extract: async (images: readonly RgbImage[]) => ({ mean: Float32Array.from(images, ({ data }) => data[0] ?? 0) }),
    };
    const reference = {
      count: 5,
      read: async (begin: number, end: number) => {
        asked.push([begin, end]);
        return Array.from({ length: end - begin }, (_, i) => rgbImage(1, 1, new Uint8Array(3).fill(begin + i)));
      },
    };
    const store = folderStore(join(folder, "reference"));
    appendFeatures(store, "mean", "reference", Float32Array.of(0, 1, 99));
    await extractReference(store, network, reference, 2);
    await extractReference(store, network, reference, 2);
    expect(asked).toEqual([
      [2, 4],
      [4, 5],
    ]);
    const bytes = store.read(featureFile("mean", "reference"));
    expect([...new Float32Array(bytes?.buffer ?? new ArrayBuffer())]).toEqual([0, 1, 2, 3, 4]);
  });
});
