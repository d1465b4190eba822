import { schedulerConfigNamed, takesOption } from "../../diffusion/samplers.ts";
import type { SchedulerConfig } from "../../diffusion/scheduler-config.ts";
import { reduction } from "../../models/autoencoder/image-coder.ts";
import { withAdapters } from "../../systems/parts/with-adapters.ts";
import type { StableDiffusionModel } from "../../systems/stable-diffusion.ts";
import { klLatentDecoder, tinyLatentDecoder } from "../latents/latent-decoder.ts";
import { linearPreviewer, type Previewer } from "../latents/previews.ts";
import { chooseSampler } from "../run/choose-sampler.ts";
import type { PipelineEffects } from "../run/effects.ts";
import { type Pipeline, pipelineOf } from "../run/pipeline.ts";
import type { Task } from "../run/task.ts";
import { conditionerOf } from "./conditioner-of.ts";
import { controlConditioning, controlStrengths } from "./control/control-inputs.ts";
import { controlsOf } from "./control/control-options.ts";
import { guidanceEmbedding } from "./guidance-embedding.ts";
import { beginOf, type Source } from "./image-source.ts";
import { blackMaskWarning } from "./inpainting-mask.ts";
import { refinementBy } from "./refinement.ts";
import { prepareStart } from "./run-start.ts";
import { type SettledOptions, settle, type TextToImageOptions } from "./text-to-image-options.ts";
import { unknownWordsWarning } from "./unknown-words.ts";

/** Images from prompts with one model, alone, from an image or within one. */
export type TextToImagePipeline = Pipeline<TextToImageOptions>;

/** Makes a pipeline of an opened model. */
export const textToImage = (model: StableDiffusionModel, effects: PipelineEffects): TextToImagePipeline =>
  pipelineOf(textToImageTask(model), effects);

function textToImageTask(model: StableDiffusionModel): Task<TextToImageOptions, SettledOptions> {
  const { timeConditionWidth } = model.unet.config;
  const factor = reduction(model.vae.config);
  return {
    unet: model.unet,
    settle: (options, randomSeed) => settle(options, model, randomSeed),
    async adapted(settled) {
      const { model: own, unetIdentity, warnings } = await withAdapters(model, settled);
      return { task: own === model ? this : textToImageTask(own), unetIdentity, warnings };
    },
    sampler: (settled) => {
      const { source, steps, defaults } = settled;
      const share = sharedBy(source, model.scheduler, settled);
      const chosen = chooseSampler(model.scheduler, { ...settled, share }, { ...defaults, latents: true });
      return { ...chosen, begin: share === undefined ? beginOf(source, chosen.sampler, steps) : 0 };
    },
    controls: ({ controls, guidanceScale }) => controlsOf(controls, isGuided(model, guidanceScale)),
    shape: ({ images, height, width }) => [images, model.vae.config.latentChannels, height / factor, width / factor],
    async condition(runtime, settled) {
      const { guidanceScale, guidanceRescale, prompts, signal, source, vaeTiling, controls } = settled;
      // A U-Net into which guidance was distilled is told of its scale instead of being run twice.
      const guided = isGuided(model, guidanceScale);
      const { conditioning, warnings } = await conditionerOf(model).condition(runtime, { ...settled, guided });
      signal?.throwIfAborted();
      const { knownWords } = model.defaults;
      const unknown = knownWords && unknownWordsWarning([...prompts, ...(settled.negativePrompts ?? [])], knownWords);
      const black = source.kind === "inpaint" ? blackMaskWarning(source.mask) : undefined;
      return {
        conditioning: {
          ...conditioning,
          ...(timeConditionWidth === undefined
            ? {}
            : { timestep_cond: guidanceEmbedding(guidanceScale, timeConditionWidth, prompts.length) }),
          ...(await controlConditioning(controls, settled)),
        },
        varying: (evaluation, evaluations) => controlStrengths(controls, evaluation, evaluations),
        guidance: guided ? { scale: guidanceScale, rescale: guidanceRescale } : undefined,
        settings: source.kind === "noise" ? { guidanceScale } : { guidanceScale, strength: source.strength },
        start: await prepareStart(runtime, model, source, vaeTiling),
        warnings: [...warnings, unknown, black].filter((warning) => warning !== undefined),
      };
    },
    refinement(settled, { sampler, begin }) {
      if (model.refiner === undefined) return undefined;
      return refinementBy(model.refiner, settled, { sampler, begin, guided: isGuided(model, settled.guidanceScale) });
    },
    decoder: ({ vaeTiling, tinyVaeFor }) =>
      model.tinyVae === undefined || tinyVaeFor === "previews"
        ? klLatentDecoder(model, vaeTiling)
        : tinyLatentDecoder(model.tinyVae),
    previewer: ({ previewKind, vaeTiling }) => {
      const full: Previewer = { kind: "full", decoder: klLatentDecoder(model, vaeTiling) };
      switch (previewKind) {
        case "full":
          return full;
        case "linear":
          return linearPreviewer(model.vae.config, factor) ?? full;
        case "tiny":
          return model.tinyVae === undefined ? full : { kind: "tiny", decoder: tinyLatentDecoder(model.tinyVae) };
      }
    },
  };
}

/** The strength of a run from a picture, where it shortens the distilled timesteps instead of the steps. */
function sharedBy(
  source: Source,
  scheduler: SchedulerConfig,
  { sampler, defaults, timesteps }: Pick<SettledOptions, "sampler" | "defaults" | "timesteps">,
): number | undefined {
  if (source.kind === "noise" || defaults.shortens === "steps" || timesteps !== undefined) return undefined;
  const { className } = sampler === undefined ? scheduler : schedulerConfigNamed(sampler, scheduler);
  return takesOption(className, "share") ? source.strength : undefined;
}

/** Whether guidance shows the U-Net every image twice. */
export const isGuided = ({ unet }: Pick<StableDiffusionModel, "unet">, guidanceScale: number): boolean =>
  guidanceScale > 1 && unet.config.timeConditionWidth === undefined;
