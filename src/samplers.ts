/** `deepcache/samplers`: samplers by name or from published scheduler configs, and the noise that they start from. */

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
export type { Tensor } from "./tensor/tensor.ts";
export { type TorchGenerator, torchGenerator } from "./tensor/torch-generator.ts";
