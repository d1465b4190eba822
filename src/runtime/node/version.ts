import { env } from "onnxruntime-node";

/** What runs the graphs, such as "onnxruntime-node 1.30.0". */
export const RUNTIME_VERSION = `onnxruntime-node ${env.versions.node ?? env.versions.common}`;
