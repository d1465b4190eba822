import {
  type CacheOption,
  DeepCacheError,
  type GeneratedImage,
  type ImageEvent,
  type ImageResult,
  pipeline,
  type TextToImage,
  type TextToImageOptions,
} from "deepcache";
import { deepcache } from "deepcache/ai-sdk";
import { readCheckpoint } from "deepcache/checkpoint";
import { type CutSessions, cut, type Graph, loadCut, printGraph } from "deepcache/graph";
import { type RgbImage, writeImage } from "deepcache/image";
import { type Lpips, psnr } from "deepcache/metrics";
import { nodeRuntime, type Runtime, textToImage } from "deepcache/pipelines";
import { describeUNet, fullEvaluations, type UNetDescription } from "deepcache/plan";
import { SAMPLER_NAMES, type SamplerName } from "deepcache/samplers";
import { handler, type ServerOptions } from "deepcache/server";

declare const process: { readonly argv: readonly string[] };

const cache: CacheOption = { kind: "uniform", interval: 2 };
const sampler: SamplerName | undefined = SAMPLER_NAMES[0];
const options: TextToImageOptions = { seed: 1, steps: 4, cache };

async function main(): Promise<void> {
  const runtime: Runtime = nodeRuntime({ device: "cpu", threads: 2 });
  const pipe: TextToImage = await pipeline("text-to-image", undefined, { runtime });
  const run = pipe("a fox on a teal background", options);
  let last: ImageEvent | undefined;
  for await (const event of run) last = event;
  const result: ImageResult = await run;
  const image: GeneratedImage & RgbImage = result.image;
  if (last?.type !== "result" || sampler === undefined) throw new DeepCacheError("BUSY", "Cannot make a picture");
  await image.save(process.argv[2] ?? "");
  await pipe.dispose();
}

/** What has to have types, though it does not run here. */
export type Used = [CutSessions, Graph, Lpips, ServerOptions, UNetDescription];
export const used = [
  readCheckpoint,
  cut,
  deepcache,
  handler,
  loadCut,
  printGraph,
  psnr,
  describeUNet,
  fullEvaluations,
  textToImage,
  writeImage,
];

void main();
