import { formatPolicy } from "../deepcache/policies.ts";
import type { ScheduleChoice } from "../diffusion/schedules/align-your-steps.ts";
import { formatParameters, PARAMETERS_KEYWORD } from "../image/parameters.ts";
import type { Precision } from "../runtime/precision.ts";
import type { EmbeddingChoices, LoraChoice } from "../systems/parts/adapters.ts";
import { fileName, formatLora } from "../systems/parts/lora-text.ts";
import type { GenerationResult } from "./run/events.ts";
import type { SettledControl } from "./text-to-image/control/control-options.ts";
import type { PictureSizes } from "./text-to-image/picture-sizes.ts";
import { formatSize, SIZE_NAMES, SIZE_TEXTS } from "./text-to-image/size-texts.ts";
import { VERSION } from "./version.ts";

/** What was asked of a run, as far as an image's text tells it. */
export interface ImageText {
  /** Prompts or names of classes; none where the model takes no condition. */
  readonly prompts: readonly string[];
  readonly negativePrompt?: string | readonly string[] | undefined;
  /** Images per prompt. */
  readonly count?: number | undefined;
  readonly guidanceRescale?: number | undefined;
  readonly clipSkip?: number | undefined;
  readonly eta?: number | undefined;
  readonly timesteps?: ScheduleChoice | undefined;
  readonly sigmas?: ScheduleChoice | undefined;
  readonly timestepSelection?: string | undefined;
  readonly sizes?: PictureSizes | undefined;
  /** The autoencoders that stood in for the model's own. */
  readonly vae?: string | undefined;
  readonly vaeDecoder?: string | undefined;
  /** What ended its run. */
  readonly refiner?: { readonly name: string; readonly start: number } | undefined;
  readonly loras?: readonly LoraChoice[] | undefined;
  readonly embeddings?: EmbeddingChoices | undefined;
  readonly promptWeights?: boolean | undefined;
  /** What the U-Net's layers were computed in; float32 where left out. */
  readonly precision?: Precision | undefined;
  /** What steered it. */
  readonly controls?: readonly ControlText[] | undefined;
}

/** A control network and what was asked of it. */
export interface ControlText extends Pick<SettledControl, "preprocessing" | "scale" | "start" | "end"> {
  readonly name: string;
  readonly guess: boolean;
}

/** The text that a PNG carries of its run, in AUTOMATIC1111's form: enough to repeat it. */
export function imageParameters(
  options: ImageText,
  { sampler, steps, seed, seeds, images, policy, guidanceScale, strength }: GenerationResult,
  index: number,
  model: string,
): Readonly<Record<string, string>> {
  const {
    prompts,
    negativePrompt = "",
    guidanceRescale = 0,
    clipSkip = 0,
    eta,
    count = 1,
    precision = "float32",
  } = options;
  const row = Math.floor(index / count);
  const image = images[index];
  const settings: Record<string, string | number> = { Steps: steps, Sampler: sampler };
  if (guidanceScale !== undefined) settings["CFG scale"] = guidanceScale;
  Object.assign(settings, {
    Seed: seeds?.[index] ?? seed,
    Size: `${image?.width}x${image?.height}`,
    Model: model,
    RNG: "CPU",
  });
  if (strength !== undefined) settings["Denoising strength"] = strength;
  if (clipSkip > 0) settings["Clip skip"] = clipSkip + 1; // AUTOMATIC1111 counts the last layer as 1
  if (guidanceRescale > 0) settings["CFG rescale"] = guidanceRescale;
  if (eta !== undefined) settings["Eta"] = eta;
  if (options.vae !== undefined) settings["VAE"] = options.vae;
  if (options.vaeDecoder !== undefined) settings["VAE Decoder"] = options.vaeDecoder;
  Object.assign(settings, scheduleTexts(options), sizeTexts(options), refinerTexts(options));
  Object.assign(settings, adapterTexts(options), controlTexts(options));
  if (images.length > 1 && seeds === undefined)
    Object.assign(settings, { "Batch size": images.length, "Batch pos": index });
  if (prompts.length > 1 && seeds === undefined) settings["Batch prompts"] = JSON.stringify(prompts);
  if (precision !== "float32") settings["Precision"] = precision;
  if (policy.kind !== "off") settings["DeepCache"] = formatPolicy(policy);
  settings["Version"] = `deepcache ${VERSION}`;
  const negative = typeof negativePrompt === "string" ? negativePrompt : (negativePrompt[row] ?? "");
  return {
    [PARAMETERS_KEYWORD]: formatParameters({ prompt: prompts[row] ?? "", negativePrompt: negative, settings }),
  };
}

function scheduleTexts({ timesteps, sigmas, timestepSelection }: ImageText): Readonly<Record<string, string>> {
  return {
    ...(timesteps === undefined ? {} : { Timesteps: String(timesteps) }),
    ...(sigmas === undefined ? {} : { Sigmas: String(sigmas) }),
    ...(timestepSelection === undefined ? {} : { "Timestep selection": timestepSelection }),
  };
}

const sizeTexts = ({ sizes = {} }: ImageText): Readonly<Record<string, string>> =>
  Object.fromEntries(
    SIZE_NAMES.flatMap((name) => {
      const size = sizes[name];
      return size === undefined ? [] : [[SIZE_TEXTS[name].setting, formatSize(size)]];
    }),
  );

const refinerTexts = ({ refiner }: ImageText): Readonly<Record<string, string | number>> =>
  refiner === undefined ? {} : { Refiner: refiner.name, "Refiner switch at": refiner.start };
/** Files as they were named, so that they are found again. */
const adapterTexts = ({ loras = [], embeddings = {}, promptWeights }: ImageText): Readonly<Record<string, string>> => ({
  ...Object.fromEntries(loras.map((lora, i) => [`Lora ${i}`, formatLora(lora)])),
  ...Object.fromEntries(
    Object.entries(embeddings).map(([name, file], i) => [`Embedding ${i}`, `${name}=${fileName(file)}`]),
  ),
  ...(promptWeights === true ? { "Prompt weights": "on" } : {}),
});

/** What AUTOMATIC1111's extension calls the mode in which a network guesses. */
export const GUESSING = "ControlNet is more important";

/** As that extension writes them. */
const controlTexts = ({ controls = [] }: ImageText): Readonly<Record<string, string>> =>
  Object.fromEntries(
    controls.map(({ name, preprocessing, scale, start, end, guess }, index) => {
      const mode = guess ? GUESSING : "Balanced";
      const what = [`Module: ${preprocessing}`, `Model: ${name}`];
      const fields = [...what, `Weight: ${scale}`, `Guidance Start: ${start}`, `Guidance End: ${end}`];
      return [`ControlNet ${index}`, [...fields, `Control Mode: ${mode}`].join(", ")];
    }),
  );
