/**
 * What of ONNX Runtime Web is loaded. "jspi" is the smallest with WebGPU and the only one that reads weights from a Blob as it
 * needs them; "webgpu" does without that; "wasm" has no WebGPU.
 */
export type Bundle = "jspi" | "webgpu" | "wasm";
