import { realpathSync } from "node:fs";
import { basename, dirname } from "node:path";
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import type { Graph } from "../../onnx/graph.ts";
import { writeModel } from "../../onnx/protobuf/model.ts";
import type { DeviceTensor, Feed, Runtime, Session } from "../runtime.ts";

export interface NodeRuntimeOptions {
  /** Threads inside an operator; ONNX Runtime takes the number of physical cores by default. */
  readonly threads?: number;
}

/** ONNX Runtime on this machine's CPU; weights are read from the checkpoint's own files. */
export function nodeRuntime({ threads }: NodeRuntimeOptions = {}): Runtime {
  return {
    device: "cpu",
    async load(graph) {
      const folder = weightFolder(graph);
      const session = await InferenceSession.create(writeModel(graph, basename), {
        executionProviders: ["cpu"],
        graphOptimizationLevel: "all",
        ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
        ...(folder === undefined
          ? {}
          : { extra: { session: { model_external_initializers_file_folder_path: folder } } }),
      });
      return wrap(session);
    },
  };
}

/** The one folder that holds every weight file: ONNX Runtime refuses paths and links that lead out of it. */
function weightFolder(graph: Graph): string | undefined {
  const paths = new Set<string>();
  for (const initializer of graph.initializers.values()) {
    if (initializer.kind === "weight" && initializer.data !== undefined) paths.add(initializer.data.path);
  }
  const folders = new Set([...paths].map((path) => dirname(realpathSync(path))));
  if (folders.size > 1) {
    throw new Error(`Cannot load "${graph.name}": its weights lie in ${folders.size} folders, one is required`);
  }
  return [...folders][0];
}

function wrap(session: InferenceSession): Session {
  return {
    async run(inputs) {
      const feeds = Object.fromEntries(Object.entries(inputs).map(([name, feed]) => [name, toOrt(feed)]));
      const results = await session.run(feeds);
      return Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, fromOrt(tensor)]));
    },
    async [Symbol.asyncDispose]() {
      await session.release();
    },
  };
}

const tensors = new WeakMap<DeviceTensor, OrtTensor>();

function toOrt(feed: Feed): OrtTensor {
  if ("download" in feed) {
    const known = tensors.get(feed);
    if (known === undefined) throw new TypeError("Cannot run: an input belongs to another runtime");
    return known;
  }
  return feed.data instanceof Float32Array
    ? new OrtTensor("float32", feed.data, feed.shape)
    : new OrtTensor("int64", feed.data, feed.shape);
}

function fromOrt(tensor: OrtTensor): DeviceTensor {
  const shape = tensor.dims;
  const result: DeviceTensor = {
    shape,
    download: async () => ({ data: tensor.data as Float32Array, shape }),
    [Symbol.dispose]: () => tensor.dispose(),
  };
  tensors.set(result, tensor);
  return result;
}
