import { openComponent } from "../checkpoint/component.ts";
import { listFolder } from "../checkpoint/folder.ts";
import { readJsonFile } from "../checkpoint/json-file.ts";
import { readTokenizerFiles } from "../checkpoint/tokenizer-files.ts";
import type { Weights } from "../checkpoint/weights.ts";
import type { RgbImage } from "../image/rgb-image.ts";
import { type ClipConfig, clipConfig } from "../models/clip.ts";
import { configReader } from "../models/config-reader.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { type ClipTokenizer, loadClipTokenizer } from "../tokenizer/clip-tokenizer.ts";

/** A CLIP model, described but not loaded. */
export interface ClipModel {
  readonly config: ClipConfig;
  readonly weights: Weights;
  readonly tokenizer: ClipTokenizer;
  /** Of red, green and blue, which are made to have mean 0 and deviation 1. */
  readonly normalization: Normalization;
}

interface Normalization {
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

/** What CLIP was trained with. */
const DEFAULT_MEAN = [0.48145466, 0.4578275, 0.40821073];
const DEFAULT_DEVIATION = [0.26862954, 0.26130258, 0.27577711];

/** Opens a folder with a CLIPModel of transformers, its vocabulary and, if there is one, its preprocessor_config.json. */
export async function openClip(folder: string): Promise<ClipModel> {
  const { config, configPath, weights } = await openComponent(folder);
  return {
    config: clipConfig(config, configPath),
    weights,
    tokenizer: loadClipTokenizer(await readTokenizerFiles(folder)),
    normalization: await readNormalization(folder),
  };
}

async function readNormalization(folder: string): Promise<Normalization> {
  const name = "preprocessor_config.json";
  if (!(await listFolder(folder, "the model")).has(name)) return { mean: DEFAULT_MEAN, deviation: DEFAULT_DEVIATION };
  const read = configReader(await readJsonFile(`${folder}/${name}`), `${folder}/${name}`);
  const triple = (field: string, fallback: readonly number[]): readonly number[] =>
    read.has(field) ? read.perLevel(field, 3, isFiniteNumber) : fallback;
  return { mean: triple("image_mean", DEFAULT_MEAN), deviation: triple("image_std", DEFAULT_DEVIATION) };
}

const isFiniteNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);

/** Images [images, 3, size, size] as CLIP's image tower sees them; they must have the size that it was trained with. */
export function clipPixels(images: readonly RgbImage[], size: number, { mean, deviation }: Normalization): Tensor {
  const plane = size * size;
  const data = new Float32Array(images.length * 3 * plane);
  for (const [index, image] of images.entries()) {
    if (image.width !== size || image.height !== size) {
      throw new RangeError(
        `Cannot show CLIP an image of ${image.width}x${image.height} pixels: this model sees ${size}x${size}`,
      );
    }
    for (let i = 0; i < 3 * plane; i++) {
      const channel = i % 3;
      const level = image.data[i]! / 255;
      data[(3 * index + channel) * plane + Math.floor(i / 3)] = (level - mean[channel]!) / deviation[channel]!;
    }
  }
  return { data, shape: [images.length, 3, size, size] };
}
