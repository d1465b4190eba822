import type { RgbImage } from "../../image/rgb-image.ts";
import { LIBRARY_OPTIONS } from "../../library/options.ts";
import type { ServerContext } from "../context.ts";
import { type PictureReader, pictureReader } from "../pictures/decode.ts";
import { Refusal } from "../refusal.ts";

type Options = Readonly<Record<string, unknown>>;

/** Options of the library that are pictures, or lists of them. */
export const PICTURE_OPTIONS = ["image", "mask", "controlImage"] as const;

/**
 * Options of the library that are plain data and mean nothing but themselves, and pass as they are: the library accepts them
 * or refuses them. Options that could name a file or a function are not among them.
 */
export const PLAIN_OPTIONS = [
  "prompt",
  "negativePrompt",
  "classes",
  "steps",
  "seed",
  "count",
  "sampler",
  "eta",
  "cache",
  "speedup",
  "preset",
  "previewEvery",
  "oneGenerator",
  "timesteps",
  "sigmas",
  "guidanceScale",
  "guidanceRescale",
  "clipSkip",
  "width",
  "height",
  "fit",
  "strength",
  "sizes",
  "vaeTiling",
  "timestepSelection",
  "useClippedModelOutput",
  "controlPreprocess",
  "controlScale",
  "controlStart",
  "controlEnd",
  "guessMode",
  "promptWeights",
  "previewKind",
  "tinyVaeFor",
  "refinerStart",
] as const;

/** Options of jobs as clients write them: the library's names, also with underscores. */
export async function jobOptions(given: Options, context: ServerContext): Promise<Options> {
  const options: Record<string, unknown> = {};
  const read = pictureReader(context.limits.picturePixels);
  for (const [key, value] of Object.entries(given)) {
    if (value === undefined || value === null) continue;
    const name = nameOf(key);
    if (Object.hasOwn(options, name)) throw refusal(key, `it is given twice`);
    options[name] = await optionOf(name, key, value, { context, read });
  }
  return options;
}

/** `guidance_scale` is `guidanceScale`, `num_inference_steps` is `steps`. */
function nameOf(key: string): string {
  const name = key.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  return { numInferenceSteps: "steps", numImagesPerPrompt: "count", maskImage: "mask" }[name] ?? name;
}

interface Reading {
  readonly context: ServerContext;
  readonly read: PictureReader;
}

async function optionOf(name: string, key: string, value: unknown, { context, read }: Reading): Promise<unknown> {
  if (PLAIN_OPTIONS.some((known) => known === name)) return value;
  if (name === "loras") return loraOptions(value, context);
  if (name === "embeddings") return embeddingOptions(value, context);
  if (PICTURE_OPTIONS.some((known) => known === name)) {
    if (!Array.isArray(value)) return (await read.text(key, value)).image;
    const images: RgbImage[] = [];
    for (const one of value as readonly unknown[]) images.push((await read.text(key, one)).image);
    return images;
  }
  const isLibrarys = LIBRARY_OPTIONS.some((known) => known === name) || name === "signal";
  const reason = isLibrarys
    ? "it cannot be sent"
    : `a job takes ${[...PLAIN_OPTIONS, ...PICTURE_OPTIONS, "loras"].join(", ")}`;
  throw new Refusal(400, "option_unknown", `Cannot use the option ${JSON.stringify(key.slice(0, 60))}: ${reason}`, {
    field: key,
  });
}

/** LoRAs by the names that the server has for them: a list of names, or of names with strengths. */
export function loraOptions(value: unknown, { loras }: Pick<ServerContext, "loras">): readonly object[] {
  if (!Array.isArray(value))
    throw refusal("loras", 'a list such as [{ "name": "style", "strength": 0.8 }] is required');
  return value.map((one: unknown) => {
    const { name, ...strengths } = typeof one === "string" ? { name: one } : (Object(one) as Options);
    const path = pathNamed("loras", "LoRA", name, loras);
    for (const [key, strength] of Object.entries(strengths)) {
      if (!["strength", "unet", "text"].includes(key)) {
        throw refusal("loras", `a LoRA has a name, strength, unet and text, not ${JSON.stringify(key.slice(0, 60))}`);
      }
      if (strength != null && !Number.isFinite(strength)) throw refusal("loras", `"${key}" must be a number`);
    }
    return { path, ...strengths };
  });
}

/** Embeddings by the words that stand for them. */
function embeddingOptions(value: unknown, { embeddings }: Pick<ServerContext, "embeddings">): Options {
  const names: readonly unknown[] = [value].flat();
  return Object.fromEntries(
    names.map((name) => [String(name), pathNamed("embeddings", "embedding", name, embeddings)]),
  );
}

/** The path of what the server calls `name`; what a request says is never a path. */
function pathNamed(key: string, what: string, name: unknown, known: Readonly<Record<string, string>>): string {
  const path = typeof name === "string" && Object.hasOwn(known, name) ? known[name] : undefined;
  if (path !== undefined) return path;
  const names = Object.keys(known);
  throw refusal(
    key,
    `no ${what} is called ${JSON.stringify(name)?.slice(0, 100)}; the server has ${names.length === 0 ? "none" : names.join(", ")}`,
  );
}

const refusal = (key: string, reason: string): Refusal =>
  new Refusal(400, "option_invalid", `Cannot use ${JSON.stringify(key.slice(0, 60))}: ${reason}`, { field: key });
