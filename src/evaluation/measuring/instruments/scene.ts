import type { RgbImage } from "../../../image/rgb-image.ts";
import type { FeatureStatistics } from "../../../metrics/frechet-distance.ts";
import { captionAccuracy, parseCaption } from "../../../metrics/scene/scene-caption.ts";
import { type SceneModel, type SceneObservation, sceneFeatures } from "../../../metrics/scene/scene-features.ts";
import type { Runtime } from "../../../runtime/runtime.ts";
import type { Prompt } from "../../workload/prompts.ts";
import type { FeatureInstrument, ImageInstrument } from "../instruments.ts";

/** The name of a scene network's features. */
export const SCENE_FEATURES = "scene";

/** A scene network as an instrument: whether images show what their prompts name, and features of images. */
export interface SceneInstrument extends ImageInstrument, FeatureInstrument, AsyncDisposable {
  /** Refuses prompts that name no single thing and colour which the network knows. */
  checkPrompts(prompts: readonly Prompt[]): void;
}

/** Measures with `model`, which is loaded at the first use, for `batch` images at a time. */
export function sceneInstrument(
  runtime: Runtime,
  model: SceneModel,
  reference: FeatureStatistics,
  batch: number,
): SceneInstrument {
  const network = sceneFeatures(runtime, model, batch);
  let last: { readonly images: readonly RgbImage[]; readonly seen: SceneObservation } | undefined;
  const look = async (images: readonly RgbImage[]): Promise<SceneObservation> => {
    if (last?.images !== images) last = { images, seen: await network.extract(images) };
    return last.seen;
  };
  return {
    measures: ["noun", "colour", "accuracy"],
    async measure({ images, items }) {
      const { readings } = await look(images);
      const verdicts = items.map(({ text }, i) => {
        const reading = readings[i];
        return reading === undefined ? undefined : captionAccuracy(text, reading, model.config);
      });
      return {
        noun: verdicts.map((verdict) => verdict?.noun ?? 0),
        colour: verdicts.map((verdict) => verdict?.colour ?? 0),
        accuracy: verdicts.map((verdict) => verdict?.both ?? 0),
      };
    },
    checkPrompts(prompts) {
      const strange = prompts.find(({ text }) => {
        const { noun, colour } = parseCaption(text, model.config);
        return noun === undefined || colour === undefined;
      });
      if (strange === undefined) return;
      throw new RangeError(
        `Cannot judge images of "${strange.text}": a prompt must name one thing and one colour that the network knows`,
      );
    },
    outputs: { [SCENE_FEATURES]: network.width },
    references: { [SCENE_FEATURES]: reference },
    async extract(images) {
      const { features } = await look(images);
      return { [SCENE_FEATURES]: features.data };
    },
    [Symbol.asyncDispose]: () => network[Symbol.asyncDispose](),
  };
}
