import { quote } from "../../checkpoint/bytes/limits.ts";
import { type CachePolicy, parsePolicyText } from "../../deepcache/policies.ts";
import { isSamplerName } from "../../diffusion/samplers.ts";
import { LIMITS } from "../../errors/limits.ts";
import { recognizePicture } from "../../image/codecs/picture-format.ts";
import { chunksOf } from "../../image/codecs/png-chunks.ts";
import { readParametersText } from "../../image/codecs/read-parameters.ts";
import { readAll } from "../../image/files.ts";
import { type GenerationParameters, parseParameters } from "../../image/parameters.ts";
import type { AnyPipeline } from "../../pipelines/any-pipeline.ts";
import { SIZE_NAMES, SIZE_TEXTS } from "../../pipelines/text-to-image/size-texts.ts";
import { PRECISIONS, type Precision } from "../../runtime/precision.ts";
import type { GenerationFlags } from "../flags/generation-flags.ts";
import { UsageError } from "../flags/usage.ts";
import { given, optionOfFlag } from "../request.ts";
import { adapterFlagsOf } from "./liked-adapters.ts";
import { controlFlagsOf, likedControls } from "./liked-controls.ts";
import { unrepeated } from "./unrepeated.ts";

/** How a picture was made, as its file says. */
export interface LikedPicture {
  readonly path: string;
  readonly prompt: string;
  readonly model: string | undefined;
  readonly seed: number | undefined;
  readonly cache: CachePolicy;
  /** What the U-Net was computed in, where it was not float32. */
  readonly precision: string | undefined;
  /** The names of autoencoders that decoded it in place of the model's own, by the flags that name one. */
  readonly decoders: Readonly<Partial<Record<"vae" | "tinyVae", string>>>;
  /** The names of the control networks that steered it. */
  readonly controls: readonly string[];
  /** By the names of flags. */
  readonly settings: Partial<GenerationFlags>;
  /** What its file says that is not repeated, such as "Hires upscale: 2". */
  readonly unrepeated: string | undefined;
  /** Where it is one of several that were drawn from one generator. */
  readonly batch: LikedBatch | undefined;
}

/** What one generator was drawn for: all of it is made again for one picture. */
export interface LikedBatch {
  readonly images: number;
  readonly index: number;
  readonly prompts: readonly string[];
}

/** Reads how the picture at `path` was made. */
export async function readLiked(path: string, signal: AbortSignal): Promise<LikedPicture> {
  const bytes = await readAll(path, signal).catch((cause: unknown) => {
    signal.throwIfAborted();
    throw new Error(`Cannot read the picture "${path}"`, { cause });
  });
  return likedIn(bytes, path);
}

/** How the picture in `bytes` was made, which messages call `path`. */
export function likedIn(bytes: Uint8Array, path: string): LikedPicture {
  const parameters = readParametersText(bytes);
  if (parameters === undefined) {
    checkWhole(bytes, path);
    throw new UsageError(`Cannot repeat "${path}": it does not say how it was made, as pictures of this program do`);
  }
  const { prompt, negativePrompt, settings } = parseParameters(parameters);
  const { DeepCache: cache } = settings;
  const read = numberReader(path, settings);
  const text = (name: string): string | undefined => {
    const value = settings[name];
    return value === undefined ? undefined : String(value);
  };
  const listed = "Timesteps" in settings || "Sigmas" in settings;
  const clipSkip = read("Clip skip");
  const controls = likedControls(settings, path);
  const { width, height } = sizeIn(settings, path);
  return {
    path,
    prompt,
    model: text("Model"),
    seed: read("Seed"),
    decoders: given({ vae: text("VAE"), tinyVae: text("VAE Decoder") }) as LikedPicture["decoders"],
    controls: controls.map(({ name }) => name),
    cache: cache === undefined ? { kind: "off" } : policyIn(String(cache), path),
    precision: text("Precision"),
    unrepeated: unrepeated(settings),
    batch: batchOf(prompt, settings, path, read),
    settings: given({
      negativePrompt: negativePrompt === "" ? undefined : negativePrompt,
      steps: listed ? undefined : read("Steps"), // the list says how many
      sampler: text("Sampler"),
      guidanceScale: read("CFG scale"),
      guidanceRescale: read("CFG rescale"),
      clipSkip: clipSkip === undefined ? undefined : Math.max(0, clipSkip - 1), // AUTOMATIC1111 counts the last layer as 1
      eta: read("Eta"),
      timesteps: text("Timesteps"),
      sigmas: text("Sigmas"),
      timestepSelection: text("Timestep selection"),
      ...Object.fromEntries(SIZE_NAMES.map((name) => [name, text(SIZE_TEXTS[name].setting)])),
      strength: read("Denoising strength"),
      ...adapterFlagsOf(settings, path),
      ...controlFlagsOf(controls),
      refinerStart: read("Refiner switch at"),
      ...{ width, height },
    }) as Partial<GenerationFlags>,
  };
}

function sizeIn({ Size: size }: Settings, path: string): { readonly width?: number; readonly height?: number } {
  if (size === undefined) return {};
  const [, width, height] = /^(\d+)x(\d+)$/.exec(String(size)) ?? [];
  if (width !== undefined && height !== undefined) return { width: Number(width), height: Number(height) };
  throw new UsageError(`Cannot repeat "${path}": its "Size" is ${quote(size)}, WIDTHxHEIGHT is required`);
}

/** The precision of a picture; refuses one that this version does not have. */
export function likedPrecision({ path, precision }: LikedPicture): Precision | undefined {
  const found = PRECISIONS.find((known) => known === precision);
  if (found !== undefined || precision === undefined) return found;
  throw new UsageError(
    `Cannot repeat "${path}" in the precision ${quote(precision)}, give --precision: one of ${PRECISIONS.join(", ")}`,
  );
}

/** Tells a file that is no picture, or not all of one, from one that has no text. */
function checkWhole(bytes: Uint8Array, path: string): void {
  const recognized = recognizePicture(bytes);
  if (recognized?.kind !== "picture") {
    throw new Error(`Cannot repeat "${path}": it is no picture, a PNG, JPEG or WebP is required`);
  }
  if (recognized.format === "PNG" && [...chunksOf(bytes)].at(-1)?.type !== "IEND") {
    throw new Error(`Cannot repeat "${path}": it is damaged or cut off`);
  }
}

function policyIn(text: string, path: string): CachePolicy {
  try {
    return parsePolicyText(text);
  } catch (cause) {
    throw new UsageError(`Cannot repeat "${path}" as its cache was, give --interval or --cache`, { cause });
  }
}

/** What the pipeline takes of the picture's settings, under those that the command line gives. */
export function withLiked(
  flags: GenerationFlags,
  liked: LikedPicture,
  { accepts, conditioned }: Pick<AnyPipeline, "accepts" | "conditioned">,
): GenerationFlags {
  const { path, settings } = liked;
  const replaced = replacedBy(flags);
  const known = Object.entries(settings).filter(
    ([name]) => accepts.has(optionOfFlag(name)) && !replaced.includes(name),
  );
  const all: GenerationFlags = { ...Object.fromEntries(known), ...given(flags) };
  if (all.sampler !== undefined && !isSamplerName(all.sampler)) {
    throw new UsageError(`Cannot repeat "${path}": its sampler "${all.sampler}" is none of ours, give --sampler`);
  }
  if (all.strength !== undefined && all.image === undefined) {
    throw new UsageError(`Cannot repeat "${path}" without --image: it was made from a picture, which it does not hold`);
  }
  if (liked.controls.length > 0 && all.controlnet === undefined) {
    throw new UsageError(
      `Cannot repeat "${path}" without --controlnet and --control-image: it was steered by ${liked.controls.join(" and ")}`,
    );
  }
  if (all.refinerStart !== undefined && all.refiner === undefined) {
    throw new UsageError(`Cannot repeat "${path}" without --refiner: one ended its run, which it does not hold`);
  }
  if (conditioned !== "class" || all.class !== undefined) return all;
  return { ...all, class: likedPrompts(liked).map((text) => classNumber(text, path)) };
}

/** Flags of the picture that others of the command line stand for: how a run is laid out. */
function replacedBy({ steps, timesteps, sigmas }: GenerationFlags): readonly string[] {
  if (timesteps !== undefined || sigmas !== undefined) return ["steps", "timesteps", "sigmas", "timestepSelection"];
  return steps === undefined ? [] : ["timesteps", "sigmas"];
}

/** Refuses to change what a picture of a batch was drawn with. */
export function checkBatchKept(
  { path, batch }: LikedPicture,
  { count, batch: size, class: classes, seed = [] }: GenerationFlags,
  prompts: readonly string[],
): void {
  if (batch === undefined) return;
  const changed = [
    ...(prompts.length > 0 ? ["a prompt"] : []),
    ...(classes === undefined ? [] : ["--class"]),
    ...(count === undefined ? [] : ["--count"]),
    ...(size === undefined ? [] : ["--batch"]),
    ...(seed.length > 1 ? ["several seeds"] : []),
  ];
  if (changed.length === 0) return;
  throw new UsageError(
    `Cannot repeat "${path}" with ${changed.join(", ")}: it is image ${batch.index + 1} of ${batch.images} from one generator`,
  );
}

type Settings = GenerationParameters["settings"];
type NumberReader = (name: string) => number | undefined;

function numberReader(path: string, settings: Settings): NumberReader {
  return (name) => {
    const text = settings[name];
    if (text === undefined) return undefined;
    const value = Number(text);
    if (String(text).trim() !== "" && Number.isFinite(value)) return value;
    throw new UsageError(`Cannot repeat "${path}": its "${name}" is "${text}", a number is required`);
  };
}

function batchOf(prompt: string, settings: Settings, path: string, read: NumberReader): LikedBatch | undefined {
  const [images, index] = [read("Batch size"), read("Batch pos")];
  if (images === undefined || index === undefined || images < 2) return undefined;
  const prompts = batchPrompts(settings["Batch prompts"]) ?? [prompt];
  const isPlace = Number.isInteger(index) && index >= 0 && index < images && images <= LIMITS.evaluation.batch.most;
  if (isPlace && images % prompts.length === 0) return { images, index, prompts };
  throw new UsageError(
    `Cannot repeat "${path}": it says to be image ${index} of ${images}, counted from 0, of ${prompts.length} prompts`,
  );
}

/** A list as JSON; nothing where it is missing or none. */
function batchPrompts(text: string | number | undefined): readonly string[] | undefined {
  if (text === undefined) return undefined;
  try {
    const list: unknown = JSON.parse(String(text));
    return Array.isArray(list) && list.length > 0 ? list.map(String) : undefined;
  } catch {
    return undefined;
  }
}

/** What the picture shows, as prompts. */
export const likedPrompts = ({ prompt, batch }: LikedPicture): readonly string[] => batch?.prompts ?? [prompt];

/** "class 1, goldfish" stands in pictures of classes. */
function classNumber(text: string, path: string): string {
  const [, number] = /^class (\d+)\b/.exec(text) ?? [];
  if (number !== undefined) return number;
  throw new UsageError(`Cannot repeat "${path}" with a model for classes: it was made from a prompt`);
}
