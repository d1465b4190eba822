import type { UnconditionalModel } from "../../systems/unconditional.ts";
import { linearCombination } from "../../tensor/linear-combination.ts";
import type { PipelineEffects } from "../run/effects.ts";
import { type Pipeline, pipelineOf } from "../run/pipeline.ts";
import type { Task } from "../run/task.ts";
import {
  type SettledUnconditionalOptions,
  settleUnconditional,
  type UnconditionalOptions,
} from "./unconditional-options.ts";

/** Images out of noise alone. */
export type UnconditionalPipeline = Pipeline<UnconditionalOptions>;

/** Makes a pipeline of an opened model. */
export const unconditional = (model: UnconditionalModel, effects: PipelineEffects): UnconditionalPipeline =>
  pipelineOf(unconditionalTask(model), effects);

function unconditionalTask(model: UnconditionalModel): Task<UnconditionalOptions, SettledUnconditionalOptions> {
  return {
    unet: model.unet,
    settle: (options, randomSeed) => settleUnconditional(options, model, randomSeed),
    sampler: ({ chosen }) => chosen,
    shape: ({ images }) => [images, model.unet.config.inChannels, ...model.size],
    condition: async () => ({
      conditioning: {},
      start: ({ sampler, shape, noise }) => ({
        start: linearCombination([sampler.initialNoiseScale, noise(shape)]),
      }),
    }),
    decoder: () => undefined,
  };
}
