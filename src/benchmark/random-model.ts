import { ensureFile } from "../checkpoint/files/ensure-file.ts";
import { nodeFiles } from "../checkpoint/files/node.ts";
import { readSmallFile } from "../checkpoint/text/json-file.ts";
import { type ArchitectureName, architecture } from "../models/architectures.ts";
import {
  type AutoencoderKlConfig,
  autoencoderDecoder,
  autoencoderEncoder,
  autoencoderKlConfig,
} from "../models/autoencoder/autoencoder-kl.ts";
import { type ClipTextConfig, clipTextConfig, clipTextModel } from "../models/clip/clip-text.ts";
import { unetConfig } from "../models/unet/unet-config.ts";
import type { MemoryModel } from "../pipelines/estimate-memory.ts";
import {
  describedWeights,
  randomWeights,
  unetWeightShapes,
  type WeightDtype,
  type WeightShapes,
  weightShapes,
} from "./random-weights.ts";

/** Where a model of random weights is written, and what it takes. */
export interface RandomModelOptions {
  readonly dtype: WeightDtype;
  readonly folder: string;
  /** Folder with CLIP's vocabulary. */
  readonly tokenizer: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * A whole model of a built-in architecture with random weights, in diffusers' layout: what a run takes in memory depends
 * on shapes alone. Files that are there already stay as they are.
 */
export async function writeRandomModel(
  name: ArchitectureName,
  { dtype, folder, tokenizer, signal }: RandomModelOptions,
): Promise<void> {
  const { unet, vae, textEncoders = [] } = architecture(name);
  const [textEncoder, ...others] = textEncoders;
  if (unet["_class_name"] === "UNetModel" || others.length > 0) {
    throw new RangeError(`Cannot write "${name}" as a folder: a U-Net alone or one with one text encoder is required`);
  }
  const files = nodeFiles(folder);
  const json = (path: string, value: unknown): Promise<boolean> =>
    ensureFile(files, path, () => [new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`)]);
  const network = async (part: string, file: string, config: object, shapes: WeightShapes): Promise<void> => {
    await json(`${part}/config.json`, config);
    await ensureFile(files, `${part}/${file}.safetensors`, () => randomWeights(shapes, dtype, signal));
  };
  const prompted = vae !== undefined && textEncoder !== undefined;
  await json("model_index.json", { _class_name: prompted ? "StableDiffusionPipeline" : "DDPMPipeline" });
  await json("scheduler/scheduler_config.json", prompted ? LATENT_SCHEDULE : PIXEL_SCHEDULE);
  await network("unet", "diffusion_pytorch_model", unet, unetWeightShapes(unetConfig(unet, name)));
  if (!prompted) return;
  await network("vae", "diffusion_pytorch_model", vae, coderShapes(autoencoderKlConfig(vae, name)));
  await network("text_encoder", "model", textEncoder, textShapes(clipTextConfig(textEncoder, name)));
  for (const file of ["vocab.json", "merges.txt"]) {
    const contents = await readSmallFile(await nodeFiles(tokenizer).open(file));
    await ensureFile(files, `tokenizer/${file}`, () => [contents]);
  }
}

function coderShapes(config: AutoencoderKlConfig): WeightShapes {
  const size = { batch: 1, height: 64, width: 64 };
  return weightShapes([autoencoderEncoder(config, size), autoencoderDecoder(config, size)]);
}

const textShapes = (config: ClipTextConfig): WeightShapes =>
  weightShapes([clipTextModel(config, { batch: 1, length: config.positions })]);

/** A built-in architecture as a model whose weights are described alone. */
export function describedModel(name: ArchitectureName, dtype: WeightDtype): MemoryModel {
  const { unet, vae, textEncoders = [] } = architecture(name);
  const config = unetConfig(unet, name);
  const network = { unet: { config, weights: describedWeights(unetWeightShapes(config), dtype) } };
  const [first, second] = textEncoders.map((json) => {
    const text = clipTextConfig(json, name);
    return { textEncoder: { config: text, weights: describedWeights(textShapes(text), dtype) } };
  });
  if (vae === undefined || first === undefined) return { kind: "network", model: network };
  const coder = autoencoderKlConfig(vae, name);
  const decoder = { config: coder, weights: describedWeights(coderShapes(coder), dtype) };
  return { kind: "text-to-image", model: { ...network, ...first, second, vae: decoder } };
}

/** Any schedule does: memory does not depend on it. */
const PIXEL_SCHEDULE = { _class_name: "DDIMScheduler", beta_schedule: "linear", beta_start: 0.0001, beta_end: 0.02 };
const LATENT_SCHEDULE = { ...PIXEL_SCHEDULE, beta_schedule: "scaled_linear", beta_start: 0.00085, beta_end: 0.012 };
