import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import {
  appendFeatures,
  referenceFile,
  settleReference,
  storedSamples,
} from "../../src/evaluation/measuring/feature-files.ts";
import { clipInstrument } from "../../src/evaluation/measuring/instruments/clip.ts";
import { sceneInstrument } from "../../src/evaluation/measuring/instruments/scene.ts";
import { groupsLeftOut } from "../../src/evaluation/measuring/set-measures.ts";
import { featureFile } from "../../src/evaluation/store/records.ts";
import { folderStore } from "../../src/evaluation/store/stores/folder.ts";
import { type RgbImage, rgbImage } from "../../src/image/rgb-image.ts";
import { type ClipModel, openClip } from "../../src/metrics/clip/clip-model.ts";
import { clipPixels } from "../../src/metrics/clip/clip-preprocessing.ts";
import { featureStatistics } from "../../src/metrics/frechet-distance.ts";
import { matrix } from "../../src/metrics/linear-algebra/matrix.ts";
import { openSceneModel, readSceneReference, sceneFeatures } from "../../src/metrics/scene/scene-features.ts";
import { clipModel } from "../../src/models/clip/clip.ts";
import { tokenInput } from "../../src/models/clip/clip-text.ts";
import { nodeRuntime } from "../../src/runtime/node/node.ts";
import { torchGenerator } from "../../src/tensor/torch-generator.ts";
import { writeClipFolder } from "../support/models/clip-folder.ts";
import { writeSceneFolder } from "../support/models/scene-folder.ts";
import { runGraph } from "../support/runtimes/run-graph.ts";

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

async function openScene() {
  const place = join(folder, "scene");
  await writeSceneFolder(place);
  const { statistics } = await readSceneReference(join(place, "reference.safetensors"));
  const model = await openSceneModel(join(place, "network"));
  return { model, statistics, instrument: sceneInstrument(nodeRuntime(), model, statistics, 2) };
}

describe("clipInstrument()", () => {
  const images = [1, 2, 3].map(picture);
  const texts = ["a fox", "an owl", "a fox"];
  const items = texts.map((text, index) => ({ index, seed: index, text }));

  test("gives the cosines of the whole model, 100 times, in full and in short batches", async () => {
    const model = await openModel();
    const { config, weights, tokenizer, preprocessing } = model;
    const { logits_per_image: logits } = await runGraph(
      clipModel(config, { images: 3, texts: 3, length: tokenizer.maxLength }, weights),
      {
        pixel_values: clipPixels(images, preprocessing),
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

  test("refuses more images than it was made for", async () => {
    await using instrument = clipInstrument(nodeRuntime(), await openModel(), 2);
    const measuring = instrument.measure({ images, items, baseline: undefined });
    await expect(measuring).rejects.toThrow("Cannot measure 3 images at a time: 1 to 2 are required");
  });
});

describe("sceneInstrument()", () => {
  const images = [1, 2, 3].map(picture);
  const texts = ["a fox on a red background", "an owl on a blue background", "a car on a red background"];
  const items = texts.map((text, index) => ({ index, seed: index, text }));
  test("judges images by what the network takes them for, and gives its features", async () => {
    const { model, instrument } = await openScene();
    await using network = sceneFeatures(nodeRuntime(), model, 2);
    const { readings, features } = await network.extract(images);
    const right = readings.map(({ noun, colour }) => ({ text: `a ${noun} on a ${colour} background` }));
    const judged = async (prompts: readonly { text: string }[]) =>
      await instrument.measure({
        images,
        items: items.map((item, i) => ({ ...item, ...prompts[i] })),
        baseline: undefined,
      });
    expect(await judged(right)).toEqual({ noun: [1, 1, 1], colour: [1, 1, 1], accuracy: [1, 1, 1] });
    const other = readings.map(({ colour }) => ({ text: `a ${colour === "red" ? "blue" : "red"} nothing` }));
    expect(await judged(other)).toMatchObject({ colour: [0, 0, 0], accuracy: [0, 0, 0] });
    expect(await instrument.extract(images)).toEqual({ scene: features.data });
    await instrument[Symbol.asyncDispose]();
  });

  test("refuses prompts that name nothing it knows, or two things", async () => {
    const { instrument } = await openScene();
    expect(() => instrument.checkPrompts(items)).not.toThrow();
    for (const text of ["a dog on a red background", "a fox", "a fox and an owl on a red background"]) {
      expect(() => instrument.checkPrompts([...items, { text }])).toThrow(`Cannot judge images of "${text}"`);
    }
  });
});

describe("feature files", () => {
  test("storedSamples() have the statistics of all vectors at once", () => {
    const store = folderStore(join(folder, "statistics"));
    const { data } = torchGenerator(4).randn([2500, 3]);
    appendFeatures(store, "clip", "off", data.subarray(0, 3000));
    appendFeatures(store, "clip", "off", data.subarray(3000));
    const { mean, covariance } = featureStatistics(storedSamples(store, featureFile("clip", "off"), 3));
    const expected = featureStatistics(matrix(2500, 3, Float64Array.from(data)));
    for (const [i, value] of mean.entries()) expect(value).toBeCloseTo(expected.mean[i] ?? 0, 12);
    for (const [i, value] of covariance.data.entries()) {
      expect(value).toBeCloseTo(expected.covariance.data[i] ?? 0, 12);
    }
  });

  test("groupsLeftOut() gives what the vectors that are left give", () => {
    const store = folderStore(join(folder, "groups"));
    const { data } = torchGenerator(5).randn([45, 3]);
    appendFeatures(store, "clip", "off", data);
    const file = featureFile("clip", "off");
    const samples = storedSamples(store, file, 3);
    const rests = groupsLeftOut(samples, featureStatistics(samples));
    expect(rests).toHaveLength(20);
    for (const [group, { mean, covariance }] of rests.entries()) {
      const kept = data.filter((_, i) => Math.floor(i / 3) % 20 !== group);
      const expected = featureStatistics(matrix(kept.length / 3, 3, Float64Array.from(kept)));
      for (const [i, value] of mean.entries()) expect(value).toBeCloseTo(expected.mean[i] ?? 0, 12);
      for (const [i, value] of covariance.data.entries()) {
        expect(value).toBeCloseTo(expected.covariance.data[i] ?? 0, 12);
      }
    }
  });

  test("groupsLeftOut() leaves nothing out of two vectors, and one of three at a time", () => {
    for (const [count, groups] of [
      [2, 0],
      [3, 3],
    ] as const) {
      const store = folderStore(join(folder, `groups-${count}`));
      appendFeatures(store, "clip", "off", torchGenerator(6).randn([count, 2]).data);
      const file = featureFile("clip", "off");
      const samples = storedSamples(store, file, 2);
      expect(groupsLeftOut(samples, featureStatistics(samples))).toHaveLength(groups);
    }
  });

  test("storedSamples() refuses a single vector and torn files", () => {
    const store = folderStore(join(folder, "single"));
    appendFeatures(store, "clip", "off", new Float32Array(3));
    expect(() => storedSamples(store, featureFile("clip", "off"), 3)).toThrow("features of 1, at least 2 are required");
    expect(() => storedSamples(store, featureFile("clip", "off"), 2)).toThrow("features of 1.5");
  });

  test("settleReference() goes on at the batch that it was stopped in, and asks for nothing twice", async () => {
    const asked: number[][] = [];
    const network = {
      outputs: { mean: 1 },
      extract: async (images: readonly RgbImage[]) => ({ mean: Float32Array.from(images, ({ data }) => data[0] ?? 0) }),
    };
    const images = {
      count: 5,
      read: async (begin: number, end: number) => {
        asked.push([begin, end]);
        return Array.from({ length: end - begin }, (_, i) => rgbImage(1, 1, new Uint8Array(3).fill(begin + i)));
      },
    };
    const store = folderStore(join(folder, "reference"));
    appendFeatures(store, "mean", "reference", Float32Array.of(0, 1, 99));
    await settleReference(store, network, { images, statistics: {} }, 2);
    await settleReference(store, network, { images, statistics: {} }, 2);
    expect(asked).toEqual([
      [2, 4],
      [4, 5],
    ]);
    const bytes = store.read(featureFile("mean", "reference"));
    expect([...new Float32Array(bytes?.buffer ?? new ArrayBuffer())]).toEqual([0, 1, 2, 3, 4]);
    const statistics = new Float64Array(store.read(referenceFile("mean"))?.buffer ?? new ArrayBuffer());
    expect([...statistics]).toEqual([2, 2.5]);
  });

  test("settleReference() takes what the network comes with where nothing is given, and given statistics before", async () => {
    const { statistics, instrument } = await openScene();
    const store = folderStore(join(folder, "taken"));
    await settleReference(store, instrument, { statistics: {} }, 2);
    const kept = new Float64Array(store.read(referenceFile("scene"))?.buffer ?? new ArrayBuffer());
    expect([...kept.subarray(0, 6)]).toEqual([...statistics.mean]);
    const given = { mean: new Float64Array(6), covariance: matrix(6, 6, new Float64Array(36)) };
    await settleReference(store, instrument, { statistics: { scene: given } }, 2);
    const renewed = new Float64Array(store.read(referenceFile("scene"))?.buffer ?? new ArrayBuffer());
    expect([...renewed]).toEqual(new Array(42).fill(0));
  });
});
