import { branchOf, readCache } from "../deepcache/policies.ts";
import { SAMPLER_NAMES, samplerNameOf } from "../diffusion/samplers.ts";
import { reduction } from "../models/autoencoder/image-coder.ts";
import type { UNetConfig } from "../models/unet/unet-types.ts";
import type { Network } from "../systems/network.ts";
import type { OpenedModel } from "../systems/open-model.ts";
import { classConditional, isGuided as isClassGuided } from "./class-conditional/class-conditional.ts";
import {
  CLASS_DEFAULTS,
  type ClassConditionalOptions,
  ORIGINAL_SAMPLERS,
} from "./class-conditional/class-conditional-options.ts";
import { className, classNamed, isImageNetClass } from "./class-conditional/imagenet-classes.ts";
import { estimateMemory, type MemoryEstimate, type MemoryOptions } from "./estimate-memory.ts";
import { type ControlText, imageParameters } from "./image-parameters.ts";
import { type Choice, chooseFor, type ModelChoices, type PresetName } from "./presets.ts";
import type { PreviewKind } from "./latents/previews.ts";
import { drawnSeed, type PipelineEffects } from "./run/effects.ts";
import type { GenerationResult } from "./run/events.ts";
import type { Pipeline } from "./run/pipeline.ts";
import { CONTROL_OPTIONS, controlledSize, controlsOf, settleControls } from "./text-to-image/control-options.ts";
import { modeOf } from "./text-to-image/image-source.ts";
import { isGuided, textToImage } from "./text-to-image/text-to-image.ts";
import { quickPreviewOf, type TextToImageOptions } from "./text-to-image/text-to-image-options.ts";
import { unconditional } from "./unconditional/unconditional.ts";
import type { UnconditionalOptions } from "./unconditional/unconditional-options.ts";

/** What a model makes its images from, and so what it is asked for. */
export type TaskName = OpenedModel["kind"];

/** What any model can be asked for; each takes those options that it `accepts`. */
export interface GenerateRequest
  extends Omit<TextToImageOptions, "prompt">,
    Omit<ClassConditionalOptions, "classes" | "sampler" | "guidanceScale">,
    UnconditionalOptions {
  readonly prompt?: string | readonly string[] | undefined;
  /** ImageNet's classes, by number or by name, or all that the model knows. */
  readonly classes?: readonly (number | string)[] | "all" | undefined;
  /**
   * Draw the noise of the whole batch from one generator, as diffusers does where it is given one. Otherwise image i has
   * seed + i, and is the image that this seed gives alone.
   */
  readonly oneGenerator?: boolean | undefined;
  /** Instead of sampler, steps and cache: how much quality to give for speed. */
  readonly preset?: PresetName | undefined;
}

/** An option of `GenerateRequest`. */
export type OptionName = keyof GenerateRequest;

/** One front door for every kind of model: the library, the commands and servers go through it. */
export interface AnyPipeline extends Pipeline<GenerateRequest> {
  readonly task: TaskName;
  /** Of the model, for people. */
  readonly name: string;
  /** What the images are told from: prompts, classes, or nothing. */
  readonly conditioned: "prompt" | "class" | "nothing";
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
  memory(request: GenerateRequest, options?: Pick<MemoryOptions, "lowMemory" | "keepLoaded" | "convolutions">): MemoryEstimate;
  /** The text that image `index` of a result carries. */
  parameters(request: GenerateRequest, result: GenerationResult, index: number): Readonly<Record<string, string>>;
}

/** Sizes of a model's images, in pixels. */
export interface ImageSizes {
  /** Widths and heights are multiples of this. */
  readonly multipleOf: number;
  /** Where nobody says. */
  readonly width: number;
  readonly height: number;
}

/** Options that every kind of model takes. */
const COMMON = [
  "steps",
  "seed",
  "oneGenerator",
  "count",
  "sampler",
  "eta",
  "cache",
  "speedup",
  "preset",
  "previewEvery",
  "signal",
] as const;

const ACCEPTED = {
  "text-to-image": [
    ...COMMON,
    "prompt",
    "negativePrompt",
    "guidanceScale",
    "guidanceRescale",
    "clipSkip",
    "width",
    "height",
    "image",
    "mask",
    "strength",
    ...CONTROL_OPTIONS,
    "sizes",
    "vaeTiling",
    "tinyVaeFor",
    "previewKind",
    "timesteps",
    "sigmas",
  ],
  "class-to-image": [...COMMON, "classes", "guidanceScale", "latents"],
  "unconditional-image": [...COMMON, "useClippedModelOutput", "timestepSelection", "timesteps", "sigmas"],
} as const satisfies Readonly<Record<TaskName, readonly OptionName[]>>;

/** The kinds of models by what they are for. */
export const TASK_NAMES = Object.keys(ACCEPTED) as readonly TaskName[];

/** What a kind of model adds to its pipeline. */
interface Described {
  readonly sizes: ImageSizes;
  readonly conditioned: AnyPipeline["conditioned"];
  readonly quickPreview?: PreviewKind | undefined;
  readonly pipeline: Pipeline<GenerateRequest>;
  rows(request: GenerateRequest): readonly string[];
  memory(request: GenerateRequest): MemoryOptions;
}

/** The pipeline of an opened model, whatever its kind; `name` is what its images say that they were made with. */
export function anyPipeline(opened: OpenedModel, name: string, effects: PipelineEffects): AnyPipeline {
  const { conditioned, pipeline, sizes, quickPreview, rows, memory } = describe(opened, effects);
  const accepts: ReadonlySet<OptionName> = new Set<OptionName>(ACCEPTED[opened.kind]);
  const { randomSeed = drawnSeed } = effects;
  const choose = (request: GenerateRequest): Choice | undefined =>
    chooseFor(request, opened.kind, choicesOf(opened));
  const checked = (given: GenerateRequest): GenerateRequest => {
    const foreign = foreignOption(accepts, given);
    const request = given.preset === undefined ? given : withChoice(given, choose(given));
    if (foreign === undefined) return withSeeds(request, imagesOf(request), randomSeed);
    throw new TypeError(`Cannot use "${foreign}" with "${name}": it is a model for ${opened.kind}`);
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
    async *stream(request, settings) {
      yield* pipeline.stream(checked(request), settings);
    },
    generate: async (request, settings) => pipeline.generate(checked(request), settings),
    plan: async (request) => pipeline.plan(checked(request)),
    memory: (request, options = {}) => {
      const policy = readCache(request.cache ?? "off");
      const cutAs = { branch: branchOf(policy), forecast: "forecast" in policy };
      return estimateMemory(opened, { ...cutAs, ...memory(request), ...options });
    },
    parameters: (request, result, index) =>
      imageParameters(
        { ...request, prompts: rows(request), controls: controlsIn(opened, request) },
        result,
        index,
        name,
      ),
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

/** Only pipelines from prompts have been tuned so far. */
function choicesOf(opened: OpenedModel): ModelChoices {
  if (opened.kind !== "text-to-image") return {};
  const { defaults, scheduler } = opened.model;
  const { sampler = samplerNameOf(scheduler.className), modes, profile } = defaults;
  return { sampler, steps: modes.text.steps, profile };
}

/** What steers a run, for its images' texts. */
function controlsIn({ kind, model }: OpenedModel, request: GenerateRequest): readonly ControlText[] {
  if (kind !== "text-to-image") return [];
  const { controls, guess } = settleControls(request, model.controls);
  return controls.map((control, i) => ({ ...control, guess, name: model.controls?.[i]?.name ?? "" }));
}

/** An option that is given but that a model has no use for. */
export const foreignOption = (accepts: ReadonlySet<OptionName>, request: GenerateRequest): OptionName | undefined =>
  (Object.keys(request) as OptionName[]).find((option) => request[option] !== undefined && !accepts.has(option));

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

function describe(opened: OpenedModel, effects: PipelineEffects): Described {
  switch (opened.kind) {
    case "text-to-image": {
      const { model } = opened;
      const rows = ({ prompt = [] }: GenerateRequest): readonly string[] =>
        typeof prompt === "string" ? [prompt] : prompt;
      const inner = textToImage(model, effects);
      return {
        conditioned: "prompt",
        quickPreview: quickPreviewOf(model),
        sizes: latentSizes(reduction(model.vae.config), model.unet.config.sampleSize ?? [64, 64]),
        pipeline: withOptions(inner, (request) => ({ ...request, prompt: request.prompt ?? [] })),
        rows,
        memory(request) {
          const { image = controlledSize(request, reduction(model.vae.config)), vaeTiling, count = 1 } = request;
          const { width = image.width, height = image.height } = request;
          const { guidanceScale = model.defaults.modes[modeOf(request)].guidanceScale } = request;
          const guided = isGuided(model, guidanceScale);
          return {
            width,
            height,
            vaeTiling,
            tinyVaeFor: request.tinyVaeFor,
            fromImage: request.image !== undefined,
            guided,
            controls: controlsOf(settleControls(request, model.controls), guided),
            count: rows(request).length * count,
          };
        },
      };
    }
    case "class-to-image": {
      const { model } = opened;
      const [known = 0] = model.classEmbedding.shape;
      const ids = ({ classes = [] }: GenerateRequest): readonly number[] =>
        classes === "all"
          ? Array.from({ length: known - 1 }, (_, id) => id)
          : classes.map((named) => (typeof named === "number" ? named : classNamed(named)));
      return {
        conditioned: "class",
        sizes: latentSizes(reduction(model.firstStage.config), [model.latentShape[1], model.latentShape[2]]),
        pipeline: withOptions(classConditional(model, effects), ({ sampler, ...request }) => ({
          ...request,
          classes: ids(request),
          sampler: originalSampler(sampler),
        })),
        rows: (request) => ids(request).map((id) => `class ${id}, ${classText(id, known)}`),
        memory: ({ guidanceScale = CLASS_DEFAULTS.guidanceScale, count = 1, ...request }) => ({
          guided: isClassGuided(guidanceScale),
          count: ids(request).length * count,
        }),
      };
    }
    case "unconditional-image":
      return {
        conditioned: "nothing",
        sizes: latentSizes(1, opened.model.size),
        pipeline: unconditional(opened.model, effects),
        rows: () => [],
        memory: ({ count }) => ({ count }),
      };
  }
}

const latentSizes = (multipleOf: number, [height, width]: readonly [number, number]): ImageSizes => ({
  multipleOf,
  width: multipleOf * width,
  height: multipleOf * height,
});

/** `pipeline` for requests from which its own options are made. */
const withOptions = <Options>(
  pipeline: Pipeline<Options>,
  optionsOf: (request: GenerateRequest) => Options,
): Pipeline<GenerateRequest> => ({
  ...pipeline,
  stream: (request, settings) => pipeline.stream(optionsOf(request), settings),
  generate: async (request, settings) => pipeline.generate(optionsOf(request), settings),
  plan: async (request) => pipeline.plan(optionsOf(request)),
});

/** What class `id` is to a model of `count` classes, the last of which stands for none. */
function classText(id: number, count: number): string {
  if (id === count - 1) return "none";
  return isImageNetClass(id) ? className(id) : "unnamed";
}

function originalSampler(name: string | undefined): ClassConditionalOptions["sampler"] {
  const known = ORIGINAL_SAMPLERS.find((candidate) => candidate === name);
  if (name === undefined || known !== undefined) return known;
  throw new RangeError(
    `Cannot use the sampler "${name}" with this model: ${ORIGINAL_SAMPLERS.join(" or ")} is required`,
  );
}
