import { fileSource } from "../../checkpoint/bytes/byte-sources/file.ts";
import { quote } from "../../checkpoint/bytes/limits.ts";
import { CheckpointError } from "../../checkpoint/errors.ts";
import { openComponent } from "../../checkpoint/folder/component.ts";
import { readCheckpoint } from "../../checkpoint/read-checkpoint.ts";
import { readTensor } from "../../checkpoint/read-tensor.ts";
import type { Weights } from "../../checkpoint/weights.ts";
import type { RgbImage } from "../../image/rgb-image.ts";
import { imagesToSamples } from "../../image/samples.ts";
import {
  type SceneNetworkConfig,
  sceneFeatureWidth,
  sceneNetwork,
  sceneNetworkConfig,
} from "../../models/judges/scene-network.ts";
import type { Runtime, Session } from "../../runtime/runtime.ts";
import { entry, type Tensor } from "../../tensor/tensor.ts";
import { filledUp } from "../batches.ts";
import type { FeatureStatistics } from "../frechet-distance.ts";
import { type Matrix, matrix } from "../linear-algebra/matrix.ts";
import type { SceneReading } from "./scene-caption.ts";

/** A scene network, described but not loaded. */
export interface SceneModel {
  readonly config: SceneNetworkConfig;
  readonly weights: Weights;
}

/** Opens a folder with a scene network's config.json and weights. */
export async function openSceneModel(folder: string): Promise<SceneModel> {
  const { config, configPath, weights } = await openComponent(folder);
  return { config: sceneNetworkConfig(config, configPath), weights };
}

/** Features of scenes that no network was trained on: what generated images are compared with as a set. */
export interface SceneReference {
  /** How many scenes the statistics are of. */
  readonly count: number;
  readonly statistics: FeatureStatistics;
  /** The features of some of them, one scene a row. */
  readonly features: Matrix;
}

/** Reads reference features: tensors `mean` [F], `covariance` [F, F] and `features` [N, F], and the metadata `count`. */
export async function readSceneReference(path: string): Promise<SceneReference> {
  const { weights, metadata } = await readCheckpoint(await fileSource(path));
  const read = async (name: string, axes: number): Promise<Tensor> => {
    const weight = weights.get(name);
    if (weight?.shape.length !== axes) {
      throw new CheckpointError(
        `Cannot read reference features from "${path}": "${name}" is ${weight === undefined ? "missing" : `[${weight.shape}]`} where ${axes === 1 ? "a vector" : "a matrix"} is required`,
      );
    }
    return readTensor(weight);
  };
  const [mean, covariance, features] = await Promise.all([read("mean", 1), read("covariance", 2), read("features", 2)]);
  const width = mean.data.length;
  if (covariance.shape.join() !== `${width},${width}` || features.shape[1] !== width) {
    throw new CheckpointError(
      `Cannot read reference features from "${path}": a mean of ${width} values, a covariance [${covariance.shape}] and ` +
        `features [${features.shape}] do not belong together`,
    );
  }
  const count = Number(metadata["count"]);
  if (!Number.isInteger(count) || count < 2) {
    throw new CheckpointError(
      `Cannot read reference features from "${path}": the metadata's count is ${quote(metadata["count"])} where a whole number from 2 is required`,
    );
  }
  return {
    count,
    statistics: { mean: Float64Array.from(mean.data), covariance: asMatrix(covariance) },
    features: asMatrix(features),
  };
}

const asMatrix = ({ data, shape }: Tensor): Matrix => matrix(entry(shape, 0), entry(shape, 1), Float64Array.from(data));

/** What a scene network makes of images. */
export interface SceneObservation {
  /** [N, F], one image a row. */
  readonly features: Tensor;
  readonly readings: readonly SceneReading[];
}

/** A scene network that looks at images. */
export interface SceneFeatures extends AsyncDisposable {
  /** The length of a feature vector. */
  readonly width: number;
  /** Looks at one image at least, of the network's size. */
  extract(images: readonly RgbImage[]): Promise<SceneObservation>;
}

/** Looks at images with `model`, `batch` at a time; it is loaded at the first use. */
export function sceneFeatures(runtime: Runtime, { config, weights }: SceneModel, batch: number): SceneFeatures {
  if (!Number.isInteger(batch) || batch < 1) {
    throw new RangeError(`Cannot look at ${batch} images at a time: a positive whole number is required`);
  }
  const width = sceneFeatureWidth(config);
  let session: Promise<Session> | undefined;
  return {
    width,
    async extract(images) {
      checkSizes(images, config.imageSize);
      session ??= runtime.load(sceneNetwork(config, { batch }, weights));
      const loaded = await session;
      const data = new Float32Array(images.length * width);
      const readings: SceneReading[] = [];
      for (let at = 0; at < images.length; at += batch) {
        const part = images.slice(at, at + batch);
        const seen = await observe(loaded, filledUp(part, batch));
        data.set(seen.features.data.subarray(0, part.length * width), at * width);
        part.forEach((_, i) => {
          readings.push({ noun: largest(seen.noun, i, config.nouns), colour: largest(seen.colour, i, config.colours) });
        });
      }
      return { features: { data, shape: [images.length, width] }, readings };
    },
    async [Symbol.asyncDispose]() {
      await (await session)?.[Symbol.asyncDispose]();
    },
  };
}

function checkSizes(images: readonly RgbImage[], size: number): void {
  if (images.length === 0) throw new RangeError("Cannot look at no images: one at least is required");
  for (const { width, height } of images) {
    if (width !== size || height !== size) {
      throw new RangeError(
        `Cannot look at an image of ${width}x${height} pixels: this scene network sees ${size}x${size}`,
      );
    }
  }
}

async function observe(session: Session, images: readonly RgbImage[]) {
  const outputs = await session.run({ pixel_values: imagesToSamples(images) });
  try {
    const read = async (name: string): Promise<Tensor> => {
      const output = outputs[name];
      if (output === undefined) throw new TypeError(`The scene network has no output "${name}"`);
      const { data, shape } = await output.download();
      return { data: data.slice(), shape };
    };
    return { features: await read("features"), noun: await read("noun_logits"), colour: await read("colour_logits") };
  } finally {
    for (const output of Object.values(outputs)) output[Symbol.dispose]();
  }
}

/** The name of the largest entry of row `index`, the first of equal ones. */
function largest({ data }: Tensor, index: number, names: readonly string[]): string {
  const scores = data.subarray(index * names.length, (index + 1) * names.length);
  return entry(names, scores.indexOf(Math.max(...scores)));
}
