import type { LatentDiffusionModel } from "../../systems/latent-diffusion.ts";
import { elementCount, type Tensor } from "../../tensor/tensor.ts";
import { vqLatentDecoder } from "../latents/latent-decoder.ts";
import type { PipelineEffects } from "../run/effects.ts";
import { type Pipeline, pipelineOf } from "../run/pipeline.ts";
import type { Task } from "../run/task.ts";
import {
  type ClassConditionalOptions,
  type SettledClassConditionalOptions,
  settleClassConditional,
} from "./class-conditional-options.ts";
import { latentDiffusionSampler } from "./latent-diffusion-sampler.ts";

/** Images of classes with one model. */
export type ClassConditionalPipeline = Pipeline<ClassConditionalOptions>;

/** Makes a pipeline of an opened model. */
export const classConditional = (model: LatentDiffusionModel, effects: PipelineEffects): ClassConditionalPipeline =>
  pipelineOf(classConditionalTask(model), effects);

function classConditionalTask(
  model: LatentDiffusionModel,
): Task<ClassConditionalOptions, SettledClassConditionalOptions> {
  return {
    unet: model.unet,
    settle: (options, randomSeed) => settleClassConditional(options, model, randomSeed),
    sampler: (settled) => latentDiffusionSampler(model.scheduler, settled),
    shape: ({ images }) => [images, ...model.latentShape],
    condition: async (_runtime, { classes, guidanceScale, latents }) => {
      const guided = isGuided(guidanceScale);
      return {
        conditioning: { encoder_hidden_states: classContext(model.classEmbedding, classes, guided) },
        guidance: guided ? { scale: guidanceScale } : undefined,
        settings: { guidanceScale },
        start: ({ shape, noise }) => ({ start: latents ?? noise(shape) }),
      };
    },
    decoder: () => vqLatentDecoder(model.firstStage),
  };
}

/** Whether the U-Net sees every image twice: as in the original code, at every scale but 1, also below. */
export const isGuided = (guidanceScale: number): boolean => guidanceScale !== 1;

/** The U-Net's context [B, 1, width]: one token for each image, with guidance those of no class first. */
function classContext({ data, shape }: Tensor, classes: readonly number[], guided: boolean): Tensor {
  const [count = 1, width = 0] = shape;
  const unconditional = classes.map(() => count - 1);
  const rows = guided ? [...unconditional, ...classes] : classes;
  const context = new Float32Array(elementCount([rows.length, width]));
  rows.forEach((row, i) => {
    context.set(data.subarray(row * width, (row + 1) * width), i * width);
  });
  return { data: context, shape: [rows.length, 1, width] };
}
