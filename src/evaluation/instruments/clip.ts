import type { RgbImage } from "../../image/rgb-image.ts";
import { clipImageModel, clipPromptModel, clipScores } from "../../models/clip.ts";
import { tokenInput } from "../../models/clip-text.ts";
import type { Runtime, Session } from "../../runtime/runtime.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { type ClipModel, clipPixels } from "../clip-model.ts";
import type { FeatureInstrument, ImageInstrument } from "../instruments.ts";

/** The name of the features of CLIP's image tower. */
export const CLIP_FEATURES = "clip";

/** CLIP as an instrument: scores of images by their prompts, and features of images. */
export interface ClipInstrument extends ImageInstrument, FeatureInstrument, AsyncDisposable {}

/** Measures with `model`; its towers are loaded at the first use, for `batch` images at a time. */
export function clipInstrument(runtime: Runtime, model: ClipModel, batch: number): ClipInstrument {
  const { config, weights, tokenizer, normalization } = model;
  const { maxLength: length } = tokenizer;
  const sessions: Partial<Record<"image" | "text", Session>> = {};
  let last: { readonly images: readonly RgbImage[]; readonly outputs: ImageOutputs } | undefined;

  const encodeImages = async (images: readonly RgbImage[]): Promise<ImageOutputs> => {
    if (last?.images === images) return last.outputs;
    sessions.image ??= await runtime.load(clipImageModel(config, { batch }, weights));
    const pixels = clipPixels(padded(images, batch), config.vision.imageSize, normalization);
    const outputs = await download(sessions.image, { pixel_values: pixels }, IMAGE_OUTPUTS);
    last = { images, outputs };
    return outputs;
  };
  const encodeTexts = async (texts: readonly string[]): Promise<Tensor> => {
    sessions.text ??= await runtime.load(clipPromptModel(config, { batch, length }, weights));
    const rows = padded(texts, batch).map((text) => tokenizer.encode(text).ids);
    return (await download(sessions.text, { input_ids: tokenInput(rows, config.text) }, ["text_embeds"])).text_embeds;
  };

  return {
    measures: ["clip"],
    async measure({ images, items }) {
      const { image_embeds: seen } = await encodeImages(images);
      const scores = clipScores(seen, await encodeTexts(items.map(({ text }) => text)));
      return { clip: scores.slice(0, images.length) };
    },
    outputs: { [CLIP_FEATURES]: config.projection },
    async extract(images) {
      const { image_features: features } = await encodeImages(images);
      return { [CLIP_FEATURES]: features.data.slice(0, images.length * config.projection) };
    },
    async [Symbol.asyncDispose]() {
      for (const session of Object.values(sessions)) await session[Symbol.asyncDispose]();
    },
  };
}

const IMAGE_OUTPUTS = ["image_features", "image_embeds"] as const;
type ImageOutputs = Readonly<Record<(typeof IMAGE_OUTPUTS)[number], Tensor>>;

/** A short last batch is filled up with its first entry, so that one loaded graph serves for all. */
function padded<T>(entries: readonly T[], count: number): readonly T[] {
  const [first] = entries;
  if (first === undefined || entries.length > count) {
    throw new RangeError(`Cannot measure ${entries.length} images at a time: 1 to ${count} are required`);
  }
  return [...entries, ...new Array<T>(count - entries.length).fill(first)];
}

/** The outputs called `names`, in JavaScript's memory. */
async function download<Name extends string>(
  session: Session,
  inputs: Parameters<Session["run"]>[0],
  names: readonly Name[],
): Promise<Readonly<Record<Name, Tensor>>> {
  const outputs = await session.run(inputs);
  try {
    const values = names.map(async (name): Promise<[Name, Tensor]> => {
      const output = outputs[name];
      if (output === undefined) throw new TypeError(`The graph has no output "${name}"`);
      const { data, shape } = await output.download();
      return [name, { data: data.slice(), shape }];
    });
    return Object.fromEntries(await Promise.all(values)) as Readonly<Record<Name, Tensor>>;
  } finally {
    for (const output of Object.values(outputs)) output[Symbol.dispose]();
  }
}
