/**
 * `deepcache/graph`: networks as graphs, from published configs; cutting them, counting what they compute, and running
 * them on a runtime.
 */

// Networks.

export { WeightMismatchError } from "./layers/scope.ts";
export { ARCHITECTURES, type Architecture, type ArchitectureName, architecture } from "./models/architectures.ts";
export { ConfigError } from "./models/config-reader.ts";
export { type UNet, type UNetShape, unet } from "./models/unet/unet.ts";
export { unetConfig } from "./models/unet/unet-config.ts";
export type { UNetConfig } from "./models/unet/unet-types.ts";
export type { Graph, GraphNode, Initializer, Value } from "./onnx/graph.ts";
export { countMacs, type Macs } from "./onnx/macs.ts";
export { printGraph } from "./onnx/print.ts";

// The cut.

export { type Cut, type Cuttable, cut } from "./deepcache/cut.ts";

// Running them: what a runtime is, and denoisers made of its sessions.

export { type CachedDenoiser, type CutSessions, cachedDenoiser, loadCut } from "./denoisers/cached.ts";
export { directDenoiser } from "./denoisers/direct.ts";
export type { Conditioning, Evaluation, PartName, RunContext } from "./denoisers/evaluation.ts";
export { type GuidanceOptions, guidedDenoiser } from "./denoisers/guided.ts";
export type { DeviceTensor, Feed, IntegerTensor, LoadOptions, Runtime, Session } from "./runtime/runtime.ts";
export type { Tensor } from "./tensor/tensor.ts";
