import { isSamplerName } from "../diffusion/samplers.ts";
import { fitImage, fitMask, fittedSize } from "../image/geometry/fit.ts";
import { readImageInput } from "../image/read-image.ts";
import type { AnyPipeline } from "../pipelines/any-pipeline.ts";
import type { GenerateRequest, OptionName } from "../pipelines/generate-request.ts";
import type { PictureSizes } from "../pipelines/text-to-image/picture-sizes.ts";
import { parseSize, SIZE_FORMS, SIZE_NAMES, SIZE_TEXTS } from "../pipelines/text-to-image/size-texts.ts";
import type { Places } from "../systems/from-hub/places.ts";
import { adaptersAsked } from "./flags/adapter-flags.ts";
import { CONTROL_FLAGS, controlsAsked } from "./flags/control-flags.ts";
import type { GenerationFlags } from "./flags/generation-flags.ts";
import { parseNumber, UsageError } from "./flags/usage.ts";

/** What to give where nothing says what images show. */
export type Advice = Readonly<Record<"prompt" | "class", string>>;

/** What the flags ask of the model, but for cache and seed; flags that it has no use for are refused. */
export async function requestOf(
  pipeline: AnyPipeline,
  prompts: readonly string[],
  flags: GenerationFlags,
  { advice, signal, places }: { readonly advice: Advice; readonly signal: AbortSignal; readonly places: Places },
): Promise<GenerateRequest> {
  refuseForeignFlags(pipeline, prompts, flags);
  checkSampler(pipeline, flags);
  const { conditioned, accepts } = pipeline;
  const { lowMemory = false } = flags;
  return given({
    prompt: conditioned === "prompt" ? promptsOf(prompts, advice) : undefined,
    classes: conditioned === "class" ? classesOf(flags, advice) : undefined,
    vaeTiling: accepts.has("vaeTiling") ? (flags.vaeTiling ?? lowMemory) : undefined,
    timestepSelection: selectionOf(flags),
    timesteps: scheduleOf("--timesteps", flags.timesteps),
    sigmas: scheduleOf("--sigmas", flags.sigmas),
    sizes: sizesOf(flags),
    previewKind: flags.previewKind ?? (flags.previewEvery === undefined ? undefined : pipeline.quickPreview),
    ...pick(flags, SHARED_NAMES),
    ...(await readPictures(flags, pipeline, signal)),
    ...(await adaptersAsked(flags, places)),
    ...given(await controlsAsked(flags, signal)),
  });
}

/** `undefined` would override what is beside it, so absent fields are dropped. */
export const given = <T extends object>(values: T): { [K in keyof T]: T[K] } =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T;

/** The request for some of its rows alone. */
export function withRows(request: GenerateRequest, rows: readonly number[] | undefined): GenerateRequest {
  if (rows === undefined) return request;
  const chosen = <T>(all: readonly T[]): readonly T[] => rows.flatMap((row) => all.slice(row, row + 1));
  const { prompt, classes } = request;
  return {
    ...request,
    ...(prompt === undefined ? {} : { prompt: chosen([prompt].flat()) }),
    ...(classes === undefined ? {} : { classes: classes === "all" ? rows : chosen(classes) }),
  };
}

/** Options whose flags have the same names. */
const SHARED_NAMES = [
  "negativePrompt",
  "strength",
  "steps",
  "sampler",
  "eta",
  "guidanceScale",
  "guidanceRescale",
  "clipSkip",
  "width",
  "height",
  "count",
  "oneGenerator",
  "tinyVaeFor",
  "refinerStart",
  "previewEvery",
] as const;

const pick = <T, K extends keyof T>(values: T, names: readonly K[]): Pick<T, K> =>
  Object.fromEntries(names.map((name) => [name, values[name]])) as Pick<T, K>;

/** The pictures to start from, in the size of the images. */
async function readPictures(
  { image, mask, fit, width, height }: GenerationFlags,
  { sizes: { multipleOf } }: AnyPipeline,
  signal: AbortSignal,
): Promise<Pick<GenerateRequest, "image" | "mask">> {
  if (image === undefined) return {};
  const picture = await readImageInput(image, { signal });
  const size = fittedSize(picture, multipleOf, given({ width, height }) as { width?: number; height?: number });
  const fitted = { image: fitImage(picture, size, fit) };
  if (mask === undefined) return fitted;
  return { ...fitted, mask: fitMask(await readImageInput(mask, { what: "the mask", signal }), picture, size, fit) };
}

/** Flags that stand for an option of another name. */
const FLAG_OPTIONS: Readonly<Record<string, OptionName>> = {
  class: "classes",
  fit: "image",
  controlnet: "controlImage",
  lora: "loras",
  embedding: "embeddings",
  ...Object.fromEntries(SIZE_NAMES.map((name) => [name, "sizes"] as const)),
};

/** The option that a flag stands for. */
export const optionOfFlag = (flag: string): OptionName => FLAG_OPTIONS[flag] ?? (flag as OptionName);

/** Flags that only some kinds of model have a use for. */
const SOME_MODELS = [
  "prompt",
  "negativePrompt",
  "image",
  "mask",
  "strength",
  "fit",
  "guidanceScale",
  "guidanceRescale",
  "clipSkip",
  "width",
  "height",
  "vaeTiling",
  "tinyVaeFor",
  "refinerStart",
  "previewKind",
  "class",
  "timestepSelection",
  "timesteps",
  "sigmas",
  "lora",
  "embedding",
  "promptWeights",
  ...CONTROL_FLAGS,
  ...SIZE_NAMES,
] as const;

const flagText = (flag: string): string => `--${flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

function refuseForeignFlags({ task, accepts }: AnyPipeline, prompts: readonly string[], flags: GenerationFlags): void {
  const foreign = SOME_MODELS.find((flag) => flags[flag] !== undefined && !accepts.has(optionOfFlag(flag)));
  const needsImage = (["mask", "strength", "fit"] as const).find((flag) => flags[flag] !== undefined);
  if (foreign === undefined && needsImage !== undefined && flags.image === undefined) {
    throw new UsageError(`Cannot use --${needsImage} without --image`);
  }
  if (foreign === undefined && flags.refinerStart !== undefined && flags.refiner === undefined) {
    throw new UsageError("Cannot use --refiner-start without --refiner");
  }
  if (foreign === undefined && flags.tinyVaeFor !== undefined && flags.tinyVae === undefined) {
    throw new UsageError("Cannot use --tiny-vae-for without --tiny-vae");
  }
  const prompted = foreign === undefined && !accepts.has("prompt") && prompts.length > 0 ? "a prompt" : undefined;
  const what = prompted ?? (foreign === undefined ? undefined : flagText(foreign));
  if (what !== undefined) throw new UsageError(`Cannot use ${what} with this model: it is for ${task}`);
}

function promptsOf(prompts: readonly string[], advice: Advice): readonly string[] {
  if (prompts.length > 0) return prompts;
  throw new UsageError(`Cannot run without a prompt: ${advice.prompt}`);
}

/** Refuses a sampler by its flag. */
function checkSampler({ samplers }: AnyPipeline, { sampler }: Pick<GenerationFlags, "sampler">): void {
  if (sampler === undefined || !isSamplerName(sampler) || samplers.includes(sampler)) return;
  throw new UsageError(`Cannot use --sampler ${sampler} with this model: one of ${samplers.join(", ")} is required`);
}

/** The classes asked for; how many there are is the model's to say. */
function classesOf(flags: GenerationFlags, advice: Advice): GenerateRequest["classes"] {
  const names = flags.class ?? [];
  if (names.length === 1 && names[0] === "all") return "all";
  if (names.length === 0) throw new UsageError(`Cannot run without a class: ${advice.class}`);
  return names.map((name) => (/^\d+$/.test(name) ? Number(name) : name));
}

/** A list of numbers, or a name as it is. */
function scheduleOf(flag: string, text: string | undefined): GenerateRequest["timesteps"] {
  if (text === undefined || /^\s*[a-z]/i.test(text)) return text?.trim();
  return text.split(",").map((item) => parseNumber(flag, item));
}

function sizesOf(flags: GenerationFlags): PictureSizes | undefined {
  const sizes = SIZE_NAMES.flatMap((name) => {
    const text = flags[name];
    if (text === undefined) return [];
    const size = parseSize(name, text);
    if (size !== undefined) return [[name, size] as const];
    throw new UsageError(`Cannot use ${flagText(name)} ${text}: ${SIZE_FORMS[SIZE_TEXTS[name].form]} is required`);
  });
  return sizes.length === 0 ? undefined : Object.fromEntries(sizes);
}

function selectionOf({ timestepSelection: how }: GenerationFlags): "uniform" | "quad" | undefined {
  if (how === undefined || how === "uniform" || how === "quad") return how;
  throw new UsageError(`Cannot use --timestep-selection ${how}: uniform or quad is required`);
}
