import { filesOf } from "../../checkpoint/files/place.ts";
import type { Files, FolderLike } from "../../checkpoint/files.ts";
import { openComponent } from "../../checkpoint/folder/component.ts";
import { readWeightFiles, type WeightFileOptions } from "../../checkpoint/folder/shards.ts";
import { readTokenizerFiles } from "../../checkpoint/folder/tokenizer-files.ts";
import { findWeightFiles, OPEN_CLIP_STEMS } from "../../checkpoint/folder/weight-files.ts";
import { readJsonFile } from "../../checkpoint/text/json-file.ts";
import type { Weights } from "../../checkpoint/weights.ts";
import { type ClipConfig, clipConfig, clipImageModel, clipPromptModel } from "../../models/clip/clip.ts";
import { checkFit } from "../../originals/keys/check-fit.ts";
import { mappedWeights } from "../../originals/keys/key-map.ts";
import { openClipModelWeights } from "../../originals/open-clip/keys.ts";
import { openClipConfig } from "../../originals/open-clip/open-clip-config.ts";
import { type ClipTokenizer, openClipTokenizer } from "../../tokenizer/clip-tokenizer.ts";
import { type ClipPreprocessing, openClipPreprocessing, transformersPreprocessing } from "./clip-preprocessing.ts";

/** A CLIP model, described but not loaded. */
export interface ClipModel {
  readonly config: ClipConfig;
  /** In transformers' names. */
  readonly weights: Weights;
  readonly tokenizer: ClipTokenizer;
  readonly preprocessing: ClipPreprocessing;
}

const OPEN_CLIP_CONFIG = "open_clip_config.json";
const PREPROCESSOR_CONFIG = "preprocessor_config.json";

/**
 * Opens a folder with a CLIP model and its vocabulary: a CLIPModel of transformers with, if there is one, its
 * preprocessor_config.json, or a model of OpenCLIP. A folder that holds both, as published ones do, is OpenCLIP's.
 */
export async function openClip(folder: FolderLike, options: WeightFileOptions = {}): Promise<ClipModel> {
  const files = filesOf(folder);
  const names = await files.list("the model");
  const holdsWeights = [...names].some((name) => OPEN_CLIP_STEMS.some((stem) => name.startsWith(`${stem}.`)));
  const isOpenClip = names.has(OPEN_CLIP_CONFIG) && (holdsWeights || !names.has("config.json"));
  const model = isOpenClip ? await openOpenClip(files, names, options) : await openTransformers(files, names, options);
  checkFit(isOpenClip ? `"${files.name}", renamed as transformers would,` : `"${files.name}"`, () => {
    const { config, weights } = model;
    clipImageModel(config, { batch: 1 }, weights);
    clipPromptModel(config, { batch: 1, length: config.text.positions }, weights);
  });
  return { ...model, tokenizer: await openClipTokenizer(await readTokenizerFiles(files)) };
}

type TowerFiles = Omit<ClipModel, "tokenizer">;

async function openOpenClip(files: Files, names: ReadonlySet<string>, options: WeightFileOptions): Promise<TowerFiles> {
  const source = await files.open(OPEN_CLIP_CONFIG);
  const json = await readJsonFile(source);
  const config = openClipConfig(json, source.name);
  const found = findWeightFiles(files.name, names, undefined, OPEN_CLIP_STEMS);
  const stored = await readWeightFiles(files, found, options);
  const weights = mappedWeights(stored, openClipModelWeights);
  return { config, weights, preprocessing: openClipPreprocessing(json, config.vision.imageSize, source.name) };
}

async function openTransformers(
  files: Files,
  names: ReadonlySet<string>,
  options: WeightFileOptions,
): Promise<TowerFiles> {
  const { config: json, configPath, weights } = await openComponent(files, options);
  const config = clipConfig(json, configPath);
  const source = names.has(PREPROCESSOR_CONFIG) ? await files.open(PREPROCESSOR_CONFIG) : undefined;
  const described = source === undefined ? {} : await readJsonFile(source);
  const path = `${files.name}/${PREPROCESSOR_CONFIG}`;
  return { config, weights, preprocessing: transformersPreprocessing(described, config.vision.imageSize, path) };
}
