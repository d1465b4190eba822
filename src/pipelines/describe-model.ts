import { reduction } from "../models/autoencoder/image-coder.ts";
import type { OpenedModel } from "../systems/open-model.ts";
import { classConditional, isGuided as isClassGuided } from "./class-conditional/class-conditional.ts";
import {
  CLASS_DEFAULTS,
  type ClassConditionalOptions,
  ORIGINAL_SAMPLERS,
} from "./class-conditional/class-conditional-options.ts";
import type { MemoryOptions } from "./estimate-memory.ts";
import type { GenerateRequest, ImageSizes } from "./generate-request.ts";
import type { ImageText } from "./image-parameters.ts";
import type { PreviewKind } from "./latents/previews.ts";
import type { PipelineEffects } from "./run/effects.ts";
import type { Pipeline } from "./run/pipeline.ts";
import { controlledSize, controlsOf, settleControls } from "./text-to-image/control/control-options.ts";
import { modeOf } from "./text-to-image/image-source.ts";
import { isGuided, textToImage } from "./text-to-image/text-to-image.ts";
import { quickPreviewOf, REFINER_START } from "./text-to-image/text-to-image-options.ts";
import { unconditional } from "./unconditional/unconditional.ts";

/** What images are told from. */
export type Conditioned = "prompt" | "class" | "nothing";

/** What a kind of model adds to its pipeline. */
export interface DescribedModel {
  readonly sizes: ImageSizes;
  readonly conditioned: Conditioned;
  readonly quickPreview?: PreviewKind | undefined;
  readonly pipeline: Pipeline<GenerateRequest>;
  rows(request: GenerateRequest): readonly string[];
  /** What beside the model makes a run's images, for their texts. */
  partTexts(request: GenerateRequest): Pick<ImageText, "controls" | "refiner" | "vae" | "vaeDecoder">;
  memory(request: GenerateRequest): MemoryOptions;
}

/** What the kind of an opened model adds. */
export function describeModel(opened: OpenedModel, effects: PipelineEffects): DescribedModel {
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
        partTexts(request) {
          const { controls, guess } = settleControls(request, model.controls);
          const { refinerStart: start = REFINER_START } = request;
          return {
            controls: controls.map((control, i) => ({ ...control, guess, name: model.controls?.[i]?.name ?? "" })),
            vae: model.vaeNames?.vae,
            vaeDecoder: request.tinyVaeFor === "previews" ? undefined : model.vaeNames?.tinyVae,
            refiner: model.refiner && { name: model.refiner.name, start },
          };
        },
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
      const [known = 0] = model.classEmbedding.shape; // the last class stands for none
      const ids = ({ classes = [] }: GenerateRequest): readonly number[] =>
        classes === "all"
          ? Array.from({ length: known - 1 }, (_, id) => id)
          : classes.map((named) => (typeof named === "number" ? named : model.classes.named(named)));
      return {
        conditioned: "class",
        sizes: latentSizes(reduction(model.firstStage.config), [model.latentShape[1], model.latentShape[2]]),
        pipeline: withOptions(classConditional(model, effects), ({ sampler, ...request }) => ({
          ...request,
          classes: ids(request),
          sampler: originalSampler(sampler),
        })),
        partTexts: () => ({}),
        rows: (request) =>
          ids(request).map(
            (id) => `class ${id}, ${id === known - 1 ? "none" : (model.classes.nameOf(id) ?? "unnamed")}`,
          ),
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
        partTexts: () => ({}),
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

function originalSampler(name: string | undefined): ClassConditionalOptions["sampler"] {
  const known = ORIGINAL_SAMPLERS.find((candidate) => candidate === name);
  if (name === undefined || known !== undefined) return known;
  throw new RangeError(
    `Cannot use the sampler "${name}" with this model: ${ORIGINAL_SAMPLERS.join(" or ")} is required`,
  );
}
