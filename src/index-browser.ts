/**
 * `deepcache` for browsers: the same `pipeline` as in Node, on ONNX Runtime Web. Models come from servers and from files that
 * were picked or dropped; what else pages need is under `deepcache/browser`.
 */

export { SAMPLER_NAMES } from "./diffusion/samplers.ts";
export { DeepCacheError } from "./errors/deepcache-error.ts";
export { defaultModelFolder, pipeline } from "./library/pipeline-browser.ts";
export { VERSION } from "./pipelines/version.ts";
