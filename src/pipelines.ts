/** `deepcache/pipelines`: models opened and run without the library's front, on a runtime and with effects of your own. */

// Opening models: described, not loaded.

export type { LatentDiffusionModel } from "./systems/latent-diffusion.ts";
export { openLatentDiffusion } from "./systems/latent-diffusion.ts";
export type { ModelLocation } from "./systems/model-location.ts";
export { type OpenedModel, openModel } from "./systems/open-model.ts";
export { openScheduler } from "./systems/scheduler.ts";
export { defaultModelFolder, defaultTokenizerFolder, sceneMetricsFolder } from "./systems/shipped.ts";
export {
  type OpenOptions,
  openStableDiffusion,
  type StableDiffusionModel,
} from "./systems/stable-diffusion.ts";
export {
  type OriginalDdpm,
  openOriginalDdpm,
  openUnconditional,
  type TimestepSelection,
  type UnconditionalModel,
} from "./systems/unconditional.ts";

// Running them.

export { type AnyPipeline, anyPipeline } from "./pipelines/any-pipeline.ts";
export { type ClassConditionalPipeline, classConditional } from "./pipelines/class-conditional/class-conditional.ts";
export type { ClassConditionalOptions } from "./pipelines/class-conditional/class-conditional-options.ts";
export type { GenerateRequest, TaskName } from "./pipelines/generate-request.ts";
export type { PipelineEffects } from "./pipelines/run/effects.ts";
export type { GenerationResult, Phase, PhaseSeconds, PipelineEvent } from "./pipelines/run/events.ts";
export type { Pipeline } from "./pipelines/run/pipeline.ts";
export type { Busy } from "./pipelines/run/queue.ts";
export type { RunSettings } from "./pipelines/run/run.ts";
export type { ImageOptions } from "./pipelines/text-to-image/image-source.ts";
export type { PictureSizes, PixelSize } from "./pipelines/text-to-image/picture-sizes.ts";
export { type TextToImagePipeline, textToImage } from "./pipelines/text-to-image/text-to-image.ts";
export type { TextToImageOptions } from "./pipelines/text-to-image/text-to-image-options.ts";
export { type UnconditionalPipeline, unconditional } from "./pipelines/unconditional/unconditional.ts";
export type { UnconditionalOptions } from "./pipelines/unconditional/unconditional-options.ts";

// What they run on.

export { DeviceError } from "./errors/device-error.ts";
export { NODE_DEVICES, type NodeDevice } from "./runtime/node/device.ts";
export { type NodeRuntimeOptions, nodeRuntime } from "./runtime/node/node.ts";
export type { DeviceTensor, Feed, IntegerTensor, LoadOptions, Runtime, Session } from "./runtime/runtime.ts";

// What they say of a run.

export type { RunMacs } from "./deepcache/cost.ts";
export type { PartSummary, RunSummary } from "./denoisers/unet-run.ts";
export { imageParameters } from "./pipelines/image-parameters.ts";
