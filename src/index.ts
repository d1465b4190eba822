/**
 * `deepcache`: images from a model in one call. `pipeline` opens a model and gives a function; calling that starts a run,
 * which is awaited for its result or looped over for its events. What pipelines are made of is under `deepcache/pipelines`,
 * `/plan`, `/graph`, `/samplers`, `/checkpoint`, `/metrics` and `/image`. What is not exported may change without notice.
 */

// A model in one call.

export type {
  Classes,
  ClassToImage,
  ImageRun,
  LoadedModels,
  ModelInfo,
  TextToImage,
  UnconditionalImage,
} from "./library/loaded-model.ts";
export type {
  ClassToImageOptions,
  CommonOptions,
  ScheduleName,
  ScheduleOptions,
  TextToImageOptions,
  UnconditionalImageOptions,
} from "./library/options.ts";
export { pipeline } from "./library/pipeline.ts";
export type { PipelineOptions, ProgressInfo } from "./library/pipeline-options.ts";
export type { ImageEvent, ImageResult } from "./library/results.ts";
export type { TaskName } from "./pipelines/generate-request.ts";
export type { ModelPlace } from "./systems/places/model-place.ts";

// What its options and results are made of.

export type { CacheOption, CachePolicy } from "./deepcache/policies.ts";
export { SAMPLER_NAMES, type SamplerName } from "./diffusion/samplers.ts";
export type { DownloadProgress, HubSource } from "./hub/hub-options.ts";
export type { GeneratedImage } from "./image/generated-image.ts";
export type { Fit } from "./image/geometry/fit.ts";
export type { ImageInput } from "./image/read-image.ts";
export type { RgbImage } from "./image/rgb-image.ts";
export type { MemoryEstimate } from "./pipelines/estimate-memory.ts";
export type { Phase, PhaseSeconds } from "./pipelines/run/events.ts";
export type { Busy } from "./pipelines/run/queue.ts";
export type { LatentImage } from "./pipelines/text-to-image/image-source.ts";
export type { NodeDevice } from "./runtime/node/device.ts";

// Errors, told apart by their code.

export { DeepCacheError, type ErrorCode } from "./errors/deepcache-error.ts";

// What comes with the package.

export { VERSION } from "./pipelines/version.ts";
export { defaultModelFolder } from "./systems/shipped.ts";
