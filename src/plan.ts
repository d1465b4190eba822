/**
 * `deepcache/plan`: when the deep part of a U-Net runs, what that costs and how much memory a run takes. Plain data and
 * arithmetic, without a runtime and without anything of Node's: it works in browsers and edge functions.
 */

// When the deep part runs.

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

// What it costs.

export type { RunMacs } from "./deepcache/cost.ts";
export { type BranchDescription, describeUNet, type UNetDescription } from "./deepcache/describe-unet.ts";
export { ARCHITECTURES, type Architecture, type ArchitectureName, architecture } from "./models/architectures.ts";
export { ConfigError } from "./models/config-reader.ts";
export type { UNetShape } from "./models/unet/unet.ts";
export { unetConfig } from "./models/unet/unet-config.ts";
export type { UNetConfig } from "./models/unet/unet-types.ts";
export {
  estimateMemory,
  type MemoryComponent,
  type MemoryEstimate,
  type MemoryModel,
  type MemoryOptions,
} from "./pipelines/estimate-memory.ts";
