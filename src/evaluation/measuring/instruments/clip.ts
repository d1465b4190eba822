import type { RgbImage } from "../../../image/rgb-image.ts";
import type { ClipModel } from "../../../metrics/clip/clip-model.ts";
import { clipPixels } from "../../../metrics/clip/clip-preprocessing.ts";
import { clipImageModel, clipPromptModel, clipScores } from "../../../models/clip/clip.ts";
import { tokenInput } from "../../../models/clip/clip-text.ts";
import type { Runtime, Session } from "../../../runtime/runtime.ts";
import type { Tensor } from "../../../tensor/tensor.ts";
import type { ImageInstrument } from "../instruments.ts";

/** CLIP as an instrument: scores of images by their prompts. */
export interface ClipInstrument extends ImageInstrument, AsyncDisposable {}

/** Measures with `model`; its towers are loaded at the first use, for `batch` images at a time. */
export function clipInstrument(runtime: Runtime, model: ClipModel, batch: number): ClipInstrument {
  const { config, weights, tokenizer, preprocessing } = model;
  const { maxLength: length } = tokenizer;
  const sessions: Partial<Record<"image" | "text", Session>> = {};

  const encodeImages = async (images: readonly RgbImage[]): Promise<Tensor> => {
    sessions.image ??= await runtime.load(clipImageModel(config, { batch }, weights));
    const pixels = clipPixels(padded(images, batch), preprocessing);
    return await download(sessions.image, { pixel_values: pixels }, "image_embeds");
  };
  const encodeTexts = async (texts: readonly string[]): Promise<Tensor> => {
    sessions.text ??= await runtime.load(clipPromptModel(config, { batch, length }, weights));
    const rows = padded(texts, batch).map((text) => tokenizer.encode(text).ids);
    return await download(sessions.text, { input_ids: tokenInput(rows, config.text) }, "text_embeds");
  };

  return {
    measures: ["clip"],
    async measure({ images, items }) {
      const scores = clipScores(await encodeImages(images), await encodeTexts(items.map(({ text }) => text)));
      return { clip: scores.slice(0, images.length) };
    },
    async [Symbol.asyncDispose]() {
      for (const session of Object.values(sessions)) await session[Symbol.asyncDispose]();
    },
  };
}

/** A short last batch is filled up with its first entry, so that one loaded graph serves for all. */
function padded<T>(entries: readonly T[], count: number): readonly T[] {
  const [first] = entries;
  if (first === undefined || entries.length > count) {
    throw new RangeError(`Cannot measure ${entries.length} images at a time: 1 to ${count} are required`);
  }
  return [...entries, ...new Array<T>(count - entries.length).fill(first)];
}

/** The output called `name`, in JavaScript's memory. */
async function download(session: Session, inputs: Parameters<Session["run"]>[0], name: string): Promise<Tensor> {
  const outputs = await session.run(inputs);
  try {
    const output = outputs[name];
    if (output === undefined) throw new TypeError(`The graph has no output "${name}"`);
    const { data, shape } = await output.download();
    return { data: data.slice(), shape };
  } finally {
    for (const each of Object.values(outputs)) each[Symbol.dispose]();
  }
}
