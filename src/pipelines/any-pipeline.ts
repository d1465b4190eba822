import { branchOf, readCache } from "../deepcache/policies.ts";
import { SAMPLER_NAMES } from "../diffusion/samplers.ts";
import type { UNetConfig } from "../models/unet/unet-types.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Network } from "../systems/network.ts";
import type { OpenedModel } from "../systems/open-model.ts";
import { checkedRuns } from "./checked-runs.ts";
import { ORIGINAL_SAMPLERS } from "./class-conditional/class-conditional-options.ts";
import type { Conditioned } from "./describe-model.ts";
import { estimateMemory, type MemoryEstimate, type MemoryOptions } from "./estimate-memory.ts";
import type { GenerateRequest, ImageSizes, OptionName, TaskName } from "./generate-request.ts";
import { imageParameters } from "./image-parameters.ts";
import type { PreviewKind } from "./latents/previews.ts";
import type { Choice } from "./presets.ts";
import type { PipelineEffects } from "./run/effects.ts";
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
  /** What its networks run on. */
  readonly runsOn: Pick<Runtime, "device" | "threads">;
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
  const { described, accepts, choose, runs } = checkedRuns(opened, name, effects);
  const { conditioned, sizes, quickPreview, rows, partTexts, memory } = described;
  const { precision, device, threads } = effects.runtime;
  const onOpenVino = device === "openvino" || device === "openvino:CPU";
  return {
    ...runs,
    task: opened.kind,
    name,
    conditioned,
    accepts,
    unet: opened.model.unet,
    choose,
    samplers: opened.kind === "class-to-image" ? ORIGINAL_SAMPLERS : SAMPLER_NAMES,
    sizes,
    runsOn: { device, threads },
    quickPreview,
    rows,
    memory: (request, options = {}) => {
      const policy = readCache(request.cache ?? "off");
      const cutAs = { branch: branchOf(policy), forecast: "forecast" in policy };
      return estimateMemory(opened, { ...cutAs, ...memory(request), precision, onOpenVino, ...options });
    },
    parameters: (request, result, index) =>
      imageParameters({ ...request, precision, prompts: rows(request), ...partTexts(request) }, result, index, name),
  };
}
