/**
 * The public API of deepcache, name by name. What is not listed here may change without notice.
 *
 * A pipeline is a model that is opened and then run: `openStableDiffusion` and `textToImage`, or `openUnconditional` and
 * `unconditional`. The rest are the parts that pipelines are made of, for other uses.
 */

// Pipelines: models to images.

export type { RunMacs } from "./deepcache/cost.ts";
export type { PartSummary, RunSummary } from "./denoisers/unet-run.ts";
export {
  estimateMemory,
  type MemoryComponent,
  type MemoryEstimate,
  type MemoryModel,
  type MemoryOptions,
} from "./pipelines/estimate-memory.ts";
export { imageParameters } from "./pipelines/image-parameters.ts";
export type { PipelineEffects } from "./pipelines/run/effects.ts";
export type { GenerationResult, Phase, PhaseSeconds, PipelineEvent } from "./pipelines/run/events.ts";
export type { Pipeline } from "./pipelines/run/pipeline.ts";
export type { ImageOptions } from "./pipelines/text-to-image/image-source.ts";
export type { PictureSizes, PixelSize } from "./pipelines/text-to-image/text-conditioner.ts";
export { type TextToImagePipeline, textToImage } from "./pipelines/text-to-image/text-to-image.ts";
export type { TextToImageOptions } from "./pipelines/text-to-image/text-to-image-options.ts";
export { type UnconditionalPipeline, unconditional } from "./pipelines/unconditional/unconditional.ts";
export type { UnconditionalOptions } from "./pipelines/unconditional/unconditional-options.ts";
export { VERSION } from "./pipelines/version.ts";
export { defaultModelFolder, sceneMetricsFolder } from "./systems/shipped.ts";
export {
  type OpenOptions,
  openScheduler,
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

// DeepCache: policies, plans and the cut.

export { type Cut, type Cuttable, cut } from "./deepcache/cut.ts";
export { drawPlan } from "./deepcache/plan.ts";
export {
  type CacheOption,
  type CachePolicy,
  type CachePolicyInput,
  formatPolicy,
  fullEvaluations,
  parsePolicy,
  parsePolicyText,
  readCache,
} from "./deepcache/policies.ts";

// Networks: graphs from published configs, and what they cost.

export { type BranchDescription, describeUNet, type UNetDescription } from "./deepcache/describe-unet.ts";
export { WeightMismatchError } from "./layers/scope.ts";
export { ARCHITECTURES, type Architecture, type ArchitectureName, architecture } from "./models/architectures.ts";
export { ConfigError } from "./models/config-reader.ts";
export { type UNet, type UNetShape, unet } from "./models/unet/unet.ts";
export { unetConfig } from "./models/unet/unet-config.ts";
export type { UNetConfig } from "./models/unet/unet-types.ts";
export type { Graph, GraphNode, Initializer, Value } from "./onnx/graph.ts";
export { countMacs, type Macs } from "./onnx/macs.ts";
export { printGraph } from "./onnx/print.ts";

// Runtimes and denoisers: running networks.

export { type CachedDenoiser, type CutSessions, cachedDenoiser, loadCut } from "./denoisers/cached.ts";
export { directDenoiser } from "./denoisers/direct.ts";
export type { Conditioning, Evaluation, PartName, RunContext } from "./denoisers/evaluation.ts";
export { type GuidanceOptions, guidedDenoiser } from "./denoisers/guided.ts";
export { DeviceError, NODE_DEVICES, type NodeDevice } from "./runtime/node/device.ts";
export { type NodeRuntimeOptions, nodeRuntime } from "./runtime/node/node.ts";
export type { DeviceTensor, Feed, IntegerTensor, LoadOptions, Runtime, Session } from "./runtime/runtime.ts";

// Samplers, from names or from published scheduler configs.

export type { Denoiser } from "./diffusion/denoiser.ts";
export type { NoiseSource, Sampler, SamplerRun, SamplerStep } from "./diffusion/sampler.ts";
export type { SamplerOptions } from "./diffusion/sampler-options.ts";
export { SAMPLER_NAMES, type SamplerName, samplerFromConfig, samplerNamed } from "./diffusion/samplers.ts";
export {
  parseSchedulerConfig,
  readSchedulerConfig,
  type SchedulerClass,
  type SchedulerConfig,
  SchedulerConfigError,
} from "./diffusion/scheduler-config.ts";

// Checkpoints: weights described in place, read and written.

export type { ByteSource } from "./checkpoint/bytes/byte-source.ts";
export { fileSource } from "./checkpoint/bytes/byte-sources/file.ts";
export { memorySource } from "./checkpoint/bytes/byte-sources/memory.ts";
export type { CheckpointFile } from "./checkpoint/checkpoint-file.ts";
export { CheckpointError } from "./checkpoint/errors.ts";
export { blobFiles } from "./checkpoint/files/blobs.ts";
export { memoryFiles } from "./checkpoint/files/memory.ts";
export { nodeFiles } from "./checkpoint/files/node.ts";
export type { FileLike, Files, FolderLike, WritableFiles } from "./checkpoint/files.ts";
export { type Component, type ComponentOptions, openComponent } from "./checkpoint/folder/component.ts";
export { readCheckpoint } from "./checkpoint/read-checkpoint.ts";
export { readTensor } from "./checkpoint/read-tensor.ts";
export { writeSafetensors } from "./checkpoint/safetensors/write-safetensors.ts";
export type { Weight, Weights } from "./checkpoint/weights.ts";
export { TokenizerError } from "./tokenizer/errors.ts";

// Tensors and noise.

export type { Tensor } from "./tensor/tensor.ts";
export { type TorchGenerator, torchGenerator } from "./tensor/torch-generator.ts";

// Images and how alike they are.

export { writeImage } from "./image/files.ts";
export { type ResizeFilter, resizeImage } from "./image/geometry/resize.ts";
export { drawGrid, type GridOptions, type GridRow } from "./image/grid.ts";
export {
  formatParameters,
  type GenerationParameters,
  PARAMETERS_KEYWORD,
  parseParameters,
} from "./image/parameters.ts";
export { decodePng, encodePng, PngError } from "./image/png.ts";
export { type PngText, readPngText } from "./image/png-text.ts";
export type { RgbImage } from "./image/rgb-image.ts";
export { type FeatureStatistics, featureStatistics, frechetDistance } from "./metrics/frechet-distance.ts";
export {
  type InceptionFeatures,
  type InceptionOptions,
  inceptionFeatures,
  openInception,
} from "./metrics/inception-features.ts";
export { inceptionScore } from "./metrics/inception-score.ts";
export { kernelDistance } from "./metrics/kernel-distance.ts";
export { type Matrix, matrix, type Samples } from "./metrics/linear-algebra/matrix.ts";
export { type Lpips, type LpipsModel, lpips, openLpips } from "./metrics/lpips.ts";
export { precisionAndRecall } from "./metrics/precision-recall.ts";
export { psnr } from "./metrics/psnr.ts";
export {
  openReferenceStatistics,
  type Reference,
  type ReferenceImages,
  writeReferenceStatistics,
} from "./metrics/reference-statistics.ts";
export {
  type CaptionVerdict,
  captionAccuracy,
  parseCaption,
  type SceneCaption,
  type SceneLabels,
  type SceneReading,
  type Verdict,
} from "./metrics/scene/scene-caption.ts";
export {
  openSceneModel,
  readSceneReference,
  type SceneFeatures,
  type SceneModel,
  type SceneObservation,
  type SceneReference,
  sceneFeatures,
} from "./metrics/scene/scene-features.ts";
export { type SsimOptions, ssim } from "./metrics/ssim.ts";
export { INCEPTION_WIDTHS, type InceptionInput, type InceptionOutput } from "./models/judges/inception.ts";
