import { createRequire } from "node:module";
import { DeepCacheError } from "../../errors/deepcache-error.ts";
import { findOnnxRuntime, type OnnxRuntimePackage } from "./find-onnxruntime.ts";

/** ONNX Runtime's module for Node. */
export type OnnxRuntime = typeof import("onnxruntime-common") & {
  /** What this build can run on; `bundled` is false for what has to be installed beside it. */
  listSupportedBackends(): readonly { readonly name: string; readonly bundled: boolean }[];
};

/** A CommonJS bundle has no `import.meta`. */
const HERE = import.meta.url ?? __filename;

/** ONNX Runtime's own switch; "0" lets it send. */
const TELEMETRY = "ORT_DISABLE_TELEMETRY";

let found: OnnxRuntimePackage | undefined;
let loaded: OnnxRuntime | undefined;

/** ONNX Runtime, loaded when it is first asked for: plans, costs and much else do without it. */
export function onnxRuntime(): OnnxRuntime {
  loaded ??= loadOnnxRuntime(onnxRuntimePackage());
  return loaded;
}

/** Where this process has ONNX Runtime from. */
export function onnxRuntimePackage(): OnnxRuntimePackage {
  if (found === undefined) {
    found = findOnnxRuntime(HERE);
    // Its library for Linux keeps a device id and sends events unless told otherwise before it is loaded.
    process.env[TELEMETRY] ??= "1";
  }
  return found;
}

function loadOnnxRuntime({ folder, version }: OnnxRuntimePackage): OnnxRuntime {
  try {
    return createRequire(HERE)(folder);
  } catch (cause) {
    // A process holds one library of a name, so the second version finds the library of the first.
    const reason = String(cause).includes("VERS_") ? "another version of it is in use in this process" : String(cause);
    const message = `Cannot load onnxruntime-node ${version} from "${folder}": ${reason}`;
    throw new DeepCacheError("RUNTIME_MISSING", message, { cause });
  }
}
