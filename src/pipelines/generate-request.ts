import type { OpenedModel } from "../systems/open-model.ts";
import type { ClassConditionalOptions } from "./class-conditional/class-conditional-options.ts";
import type { PresetName } from "./presets.ts";
import { CONTROL_OPTIONS } from "./text-to-image/control/control-options.ts";
import type { TextToImageOptions } from "./text-to-image/text-to-image-options.ts";
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

/** The options that each kind of model takes. */
export const ACCEPTED = {
  "text-to-image": [
    ...COMMON,
    "prompt",
    "negativePrompt",
    "guidanceScale",
    "guidanceRescale",
    "clipSkip",
    "promptWeights",
    "loras",
    "embeddings",
    "width",
    "height",
    "image",
    "mask",
    "strength",
    ...CONTROL_OPTIONS,
    "sizes",
    "vaeTiling",
    "tinyVaeFor",
    "refinerStart",
    "previewKind",
    "timesteps",
    "sigmas",
  ],
  "class-to-image": [...COMMON, "classes", "guidanceScale", "latents"],
  "unconditional-image": [...COMMON, "useClippedModelOutput", "timestepSelection", "timesteps", "sigmas"],
} as const satisfies Readonly<Record<TaskName, readonly OptionName[]>>;

/** The kinds of models by what they are for. */
export const TASK_NAMES = Object.keys(ACCEPTED) as readonly TaskName[];

/** An option that is given but that a model has no use for. */
export const foreignOption = (accepts: ReadonlySet<OptionName>, request: GenerateRequest): OptionName | undefined =>
  (Object.keys(request) as OptionName[]).find((option) => request[option] !== undefined && !accepts.has(option));
