import { DeepCacheError } from "../errors/deepcache-error.ts";
import { FITS } from "../image/geometry/fit.ts";
import { TASK_NAMES } from "../pipelines/generate-request.ts";
import { PREVIEW_KINDS } from "../pipelines/latents/previews.ts";
import { PRESET_NAMES } from "../pipelines/presets.ts";
import { TINY_VAE_USES } from "../pipelines/text-to-image/text-to-image-options.ts";
import { isPlace } from "../systems/places/model-place.ts";

interface OptionType {
  is(value: unknown): boolean;
  readonly required: string;
}

/** What the values of options must be, by the options' names. */
export type OptionTypes = Readonly<Record<string, OptionType>>;

const isText = (value: unknown): boolean => typeof value === "string";
const flag: OptionType = { is: (value) => typeof value === "boolean", required: "true or false" };
const texts: OptionType = {
  is: (value) => isText(value) || (Array.isArray(value) && value.every(isText)),
  required: "a text or a list of texts",
};

const place: OptionType = { is: isPlace, required: "a path or a URL, or files," };
const func: OptionType = { is: (value) => typeof value === "function", required: "a function" };
const text: OptionType = { is: isText, required: "a text" };
const signal: OptionType = { is: (value) => value instanceof AbortSignal, required: "an AbortSignal" };
const oneOf = (names: readonly string[]): OptionType => ({
  is: (value) => names.some((name) => name === value),
  required: `one of ${names.join(", ")}`,
});

const numbers: OptionType = {
  is: (value) => [value].flat().every((item) => typeof item === "number"),
  required: "a number or a list of numbers",
};

const isLora = (value: unknown): boolean =>
  isText(value) || (typeof value === "object" && value !== null && "path" in value && isPlace(value.path));

const loras: OptionType = {
  is: (value) => [value].flat().every(isLora),
  required: "a text or an object with a path, or a list of those,",
};

const files: OptionType = {
  is: (value) =>
    typeof value === "object" && value !== null && !Array.isArray(value) && Object.values(value).every(isPlace),
  required: "an object of names and files",
};

/** Options of a run that nothing below looks at before it uses them; numbers are checked with their ranges. */
export const RUN_TYPES: OptionTypes = {
  prompt: texts,
  negativePrompt: texts,
  promptWeights: flag,
  loras,
  embeddings: files,
  vaeTiling: flag,
  guessMode: flag,
  tinyVaeFor: oneOf(TINY_VAE_USES),
  previewKind: oneOf(PREVIEW_KINDS),
  oneGenerator: flag,
  preset: oneOf(PRESET_NAMES),
  useClippedModelOutput: flag,
  fit: oneOf(FITS),
  controlPreprocess: texts,
  controlScale: numbers,
  controlStart: numbers,
  controlEnd: numbers,
  signal,
  onEvent: func,
};

/** Options of `pipeline()`; devices and threads of networks are the runtime's to refuse. */
export const PIPELINE_TYPES: OptionTypes = {
  threads: { is: (value) => Number.isSafeInteger(value) && Number(value) >= 1, required: "a whole number from 1" },
  memory: oneOf(["fast", "low"]),
  queue: { is: (value) => typeof value === "object" && value !== null, required: 'an object such as { busy: "wait" }' },
  onProgress: func,
  signal,
  variant: text,
  vae: place,
  tinyVae: place,
  refiner: place,
  controlnet: place,
  ema: flag,
  cacheFolder: place,
  wasmPaths: text,
  hub: {
    is: (value) => typeof value === "object" && value !== null && !Array.isArray(value),
    required: "an object such as { offline: true }",
  },
};

/** Where models by their id come from and are kept. */
export const HUB_TYPES: OptionTypes = { cacheFolder: text, endpoint: text, token: text, offline: flag, keep: flag };

/** How a queue is asked to be. */
export const QUEUE_TYPES: OptionTypes = { busy: oneOf(["wait", "reject", "replace"]) };

/** What a pipeline is opened for. */
export const TASK_TYPES: OptionTypes = { task: oneOf(TASK_NAMES) };

/** Refuses options whose values are of another kind than the option's. */
export function checkOptionTypes(options: Readonly<Record<string, unknown>>, types: OptionTypes): void {
  for (const [name, { is, required }] of Object.entries(types)) {
    const value = options[name];
    if (value === undefined || is(value)) continue;
    const shown = JSON.stringify(value) ?? typeof value;
    throw new DeepCacheError(
      "OPTION_INVALID",
      `Cannot use ${shown.slice(0, 60)} as "${name}": ${required} is required`,
    );
  }
}
