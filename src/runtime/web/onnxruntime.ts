import { DeepCacheError } from "../../errors/deepcache-error.ts";
import type { OnnxRuntimeModule } from "../sessions/calling-thread.ts";
import type { Bundle } from "./bundle.ts";

/** How ONNX Runtime Web is set up; it is so once in a thread. */
export interface BundleSettings {
  /** Threads inside an operator. */
  readonly threads: number;
  /** Where its .wasm files lie; beside its own script where left out. */
  readonly wasmPaths?: string | undefined;
}

let loaded: { readonly bundle: Bundle; readonly module: Promise<OnnxRuntimeModule> } | undefined;

/** ONNX Runtime Web, which is loaded once; another bundle later would be a second runtime with a memory of its own. */
export async function loadOnnxRuntime(bundle: Bundle, settings: BundleSettings): Promise<OnnxRuntimeModule> {
  loaded ??= { bundle, module: load(bundle, settings) };
  const { module } = loaded;
  module.catch(() => {
    loaded = undefined; // such as without a network: a later call tries again
  });
  return await module;
}

/** The bundle that this thread has loaded. */
export const loadedBundle = (): Bundle | undefined => loaded?.bundle;

async function load(bundle: Bundle, { threads, wasmPaths }: BundleSettings): Promise<OnnxRuntimeModule> {
  const module = await imported(bundle);
  const { env } = module;
  env.logLevel = "fatal"; // what goes wrong is thrown
  env.wasm.numThreads = threads;
  if (wasmPaths !== undefined) env.wasm.wasmPaths = wasmPaths;
  return module;
}

async function imported(bundle: Bundle): Promise<OnnxRuntimeModule> {
  try {
    switch (bundle) {
      case "jspi":
        return await import("onnxruntime-web/jspi");
      case "webgpu":
        return await import("onnxruntime-web/webgpu");
      case "wasm":
        return await import("onnxruntime-web/wasm");
    }
  } catch (cause) {
    throw new DeepCacheError(
      "RUNTIME_MISSING",
      'Cannot load ONNX Runtime Web: it takes "npm i onnxruntime-web@1.30", or the network to fetch it from the page',
      { cause },
    );
  }
}
