import { branchOf, readCache } from "../deepcache/policies.ts";
import { SAMPLER_NAMES, samplerNameOf } from "../diffusion/samplers.ts";
import type { UNetConfig } from "../models/unet/unet-types.ts";
import type { Network } from "../systems/network.ts";
import type { OpenedModel } from "../systems/open-model.ts";
import { ORIGINAL_SAMPLERS } from "./class-conditional/class-conditional-options.ts";
import { type Conditioned, describeModel } from "./describe-model.ts";
import { estimateMemory, type MemoryEstimate, type MemoryOptions } from "./estimate-memory.ts";
import {
  ACCEPTED,
  foreignOption,
  type GenerateRequest,
  type ImageSizes,
  type OptionName,
  type TaskName,
} from "./generate-request.ts";
import { imageParameters } from "./image-parameters.ts";
import type { LaneOptions } from "./lanes.ts";
import type { PreviewKind } from "./latents/previews.ts";
import { type Choice, chooseFor, type ModelChoices } from "./presets.ts";
import { drawnSeed, type PipelineEffects } from "./run/effects.ts";
import type { GenerationResult } from "./run/events.ts";
import type { Pipeline } from "./run/pipeline.ts";

/** One front door for every kind of model: the library, the commands and servers go through it. */
export interface AnyPipeline extends Pipeline<GenerateRequest> {
  readonly task: TaskName;
  /** Of the model, for people. */
  readonly name: string;
  /** What the images are told from: prompts, classes, or nothing. */
  readonly conditioned: Conditioned;
  readonly accepts: ReadonlySet<OptionName>;
  readonly unet: Network<UNetConfig>;
  /**
   * What the request's preset or speed-up comes to; nothing where it has neither. A run itself finds a speed-up's policy for
   * its own sampler and steps, and takes what was tuned for the model from a preset alone.
   */
  choose(request: GenerateRequest): Choice | undefined;
  /** Names of the samplers that the model runs with. */
  readonly samplers: readonly string[];
  readonly sizes: ImageSizes;
  /** The quickest kind of preview that a run can be asked for; none where it cannot be asked for one. */
  readonly quickPreview: PreviewKind | undefined;
  /** Prompts or names of classes, one to a row of images; none where the model takes no condition. */
  rows(request: GenerateRequest): readonly string[];
  /** What a run will take in memory on a CPU, before anything is loaded. */
  memory(
    request: GenerateRequest,
    options?: Pick<MemoryOptions, "lowMemory" | "keepLoaded" | "convolutions" | "precision">,
  ): MemoryEstimate;
  /** The text that image `index` of a result carries. */
  parameters(request: GenerateRequest, result: GenerationResult, index: number): Readonly<Record<string, string>>;
}

/** The pipeline of an opened model, whatever its kind; `name` is what its images say that they were made with. */
export function anyPipeline(opened: OpenedModel, name: string, effects: PipelineEffects): AnyPipeline {
  const { conditioned, pipeline, sizes, quickPreview, rows, partTexts, memory } = describeModel(opened, effects);
  const accepts: ReadonlySet<OptionName> = new Set<OptionName>(ACCEPTED[opened.kind]);
  const { randomSeed = drawnSeed } = effects;
  const { precision, device } = effects.runtime;
  const onOpenVino = device === "openvino" || device === "openvino:CPU";
  const choose = (request: GenerateRequest): Choice | undefined => chooseFor(request, opened.kind, choicesOf(opened));
  const checked = (given: GenerateRequest): GenerateRequest => {
    const foreign = foreignOption(accepts, given);
    const request = given.preset === undefined ? given : withChoice(given, choose(given));
    if (foreign === undefined) return withSeeds(request, imagesOf(request), randomSeed);
    throw new TypeError(`Cannot use "${foreign}" with "${name}": it is a model for ${opened.kind}`);
  };
  const laneOf = (request: GenerateRequest, lane: LaneOptions): LaneOptions => {
    const { cache, speedup, steps, sampler } = checked(withLane(request, lane));
    return { cache, speedup, steps, sampler };
  };
  const imagesOf = (request: GenerateRequest): number =>
    (conditioned === "nothing" ? 1 : rows(request).length) * (request.count ?? 1);
  return {
    task: opened.kind,
    name,
    conditioned,
    accepts,
    unet: opened.model.unet,
    choose,
    samplers: opened.kind === "class-to-image" ? ORIGINAL_SAMPLERS : SAMPLER_NAMES,
    sizes,
    quickPreview,
    rows,
    async *stream(given, settings) {
      const { lanes } = settings ?? {};
      const request = checked(given);
      yield* pipeline.stream(
        request,
        lanes === undefined ? settings : { ...settings, lanes: lanes.map((lane) => laneOf(request, lane)) },
      );
    },
    generate: async (request, settings) => pipeline.generate(checked(request), settings),
    plan: async (request) => pipeline.plan(checked(request)),
    memory: (request, options = {}) => {
      const policy = readCache(request.cache ?? "off");
      const cutAs = { branch: branchOf(policy), forecast: "forecast" in policy };
      return estimateMemory(opened, { ...cutAs, ...memory(request), precision, onOpenVino, ...options });
    },
    parameters: (request, result, index) =>
      imageParameters({ ...request, precision, prompts: rows(request), ...partTexts(request) }, result, index, name),
    dispose: pipeline.dispose,
    [Symbol.asyncDispose]: pipeline.dispose,
  };
}

/** The request with what its preset or speed-up comes to, where that is known. */
export function withChoice(
  { preset: _, ...request }: GenerateRequest,
  { tuned: __, ...choice }: Choice = {},
): GenerateRequest {
  return { ...request, ...(choice.cache === undefined ? choice : { ...choice, speedup: undefined }) };
}

/** The request with what its lane says instead. */
function withLane(request: GenerateRequest, lane: LaneOptions): GenerateRequest {
  const { cache, speedup, preset } = lane;
  const said = Object.fromEntries(Object.entries(lane).filter(([, value]) => value !== undefined));
  const isCached = cache !== undefined || speedup !== undefined || preset !== undefined;
  const ofCache = isCached ? { cache: undefined, speedup: undefined } : {};
  const ofPreset = preset === undefined ? {} : { sampler: undefined, steps: undefined };
  return { ...request, ...ofCache, ...ofPreset, ...said };
}

/** Only pipelines from prompts have been tuned so far. */
function choicesOf(opened: OpenedModel): ModelChoices {
  if (opened.kind !== "text-to-image") return {};
  const { defaults, scheduler } = opened.model;
  const { sampler = samplerNameOf(scheduler.className), modes, profile } = defaults;
  return { sampler, steps: modes.text.steps, profile };
}

/** One seed as one for each image, counted up from it. */
function withSeeds(
  { oneGenerator = false, ...request }: GenerateRequest,
  images: number,
  randomSeed: () => number,
): GenerateRequest {
  const { seed = randomSeed() } = request;
  const isCounted = typeof seed === "number" && Number.isSafeInteger(seed) && images > 1 && !oneGenerator;
  return { ...request, seed: isCounted ? Array.from({ length: images }, (_, i) => seed + i) : seed };
}
