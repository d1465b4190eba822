import {
  defaultModelFolder,
  type GenerationResult,
  nodeRuntime,
  openStableDiffusion,
  type RgbImage,
  type Runtime,
  type TextToImageOptions,
  textToImage,
  writeImage,
} from "deepcache";
import { readCheckpoint } from "deepcache/checkpoint";
import { type CutSessions, cut, type Graph, loadCut, printGraph } from "deepcache/graph";
import { type Lpips, psnr } from "deepcache/metrics";
import { type CachePolicy, describeUNet, fullEvaluations, type UNetDescription } from "deepcache/plan";
import { SAMPLER_NAMES, type SamplerName } from "deepcache/samplers";

declare const process: { readonly argv: readonly string[] };

const cache: CachePolicy = { kind: "uniform", interval: 2, branch: 0 };
const sampler: SamplerName | undefined = SAMPLER_NAMES[0];
const options: TextToImageOptions = { prompt: "a fox on a teal background", seed: 1, steps: 4, cache };

async function main(): Promise<void> {
  const model = await openStableDiffusion(defaultModelFolder());
  const runtime: Runtime = nodeRuntime({ device: "cpu", threads: 2 });
  const pipeline = textToImage(model, { runtime });
  const result: GenerationResult = await pipeline.generate(options);
  const [image]: readonly RgbImage[] = result.images;
  if (image === undefined || sampler === undefined) throw new Error("Cannot make a picture");
  writeImage(process.argv[2] ?? "", image);
  await pipeline[Symbol.asyncDispose]();
}

/** What has to have types, though it does not run here. */
export type Used = [CutSessions, Graph, Lpips, UNetDescription];
export const used = [readCheckpoint, cut, loadCut, printGraph, psnr, describeUNet, fullEvaluations];

void main();
