import { realpathSync } from "node:fs";
import { basename, dirname } from "node:path";
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import type { Graph } from "../../onnx/graph.ts";
import { writeModel } from "../../onnx/protobuf/model.ts";
import { weightsFirst } from "../../onnx/weights-first.ts";
import { checkFeeds } from "../feeds.ts";
import type { DeviceTensor, Feed, Runtime, Session } from "../runtime.ts";
import { memorySettings } from "./memory-settings.ts";

/** How ONNX Runtime runs on this machine. */
export interface NodeRuntimeOptions {
  /** Threads inside an operator; ONNX Runtime takes the number of physical cores by default. */
  readonly threads?: number;
  /**
   * Leave weights in their files, mapped into memory. Half-precision weights are widened anew whenever they are used, and
   * memory goes back to the system after every operation, which takes more time.
   */
  readonly lowMemory?: boolean;
}

/** ONNX Runtime's level for fatal errors alone. */
const SILENT = 4;

/** ONNX Runtime on this machine's CPU; weights are read from the checkpoint's own files. */
export function nodeRuntime({ threads, lowMemory = false }: NodeRuntimeOptions = {}): Runtime {
  return {
    device: "cpu",
    copies: true,
    async load(graph) {
      const { folder, locate } = weightFiles(graph);
      const memory = memorySettings(graph, lowMemory);
      const model = writeModel(lowMemory ? weightsFirst(graph) : graph, locate);
      try {
        const session = await InferenceSession.create(model, {
          executionProviders: ["cpu"],
          ...memory.options,
          logSeverityLevel: SILENT, // what goes wrong is thrown
          ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
          extra: {
            session: {
              // Every session has threads of its own; those that spin after a run take the cores from the next session.
              force_spinning_stop: "1",
              ...memory.session,
              ...(folder === undefined ? {} : { model_external_initializers_file_folder_path: folder }),
            },
          },
        });
        return wrap(session, graph);
      } catch (cause) {
        throw new Error(`Cannot load graph "${graph.name}" into ONNX Runtime`, { cause });
      }
    },
  };
}

interface WeightFiles {
  /** None where the graph has no weights. */
  readonly folder: string | undefined;
  /** The name in `folder` of a weight file. */
  readonly locate: (path: string) => string;
}

/** The one folder that holds every weight file, links resolved: ONNX Runtime refuses paths and links that leave it. */
function weightFiles(graph: Graph): WeightFiles {
  const realPaths = new Map<string, string>();
  for (const initializer of graph.initializers.values()) {
    const path = initializer.kind === "weight" ? initializer.data?.path : undefined;
    if (path !== undefined && !realPaths.has(path)) realPaths.set(path, resolveWeights(graph, path));
  }
  const folders = [...new Set([...realPaths.values()].map(dirname))];
  if (folders.length > 1) {
    const list = folders.map((folder) => `"${folder}"`).join(", ");
    throw new Error(`Cannot load graph "${graph.name}": its weights lie in ${list}, one folder is required`);
  }
  return { folder: folders[0], locate: (path) => basename(realPaths.get(path) ?? path) };
}

function resolveWeights(graph: Graph, path: string): string {
  try {
    return realpathSync(path);
  } catch (cause) {
    throw new Error(`Cannot load graph "${graph.name}": its weights are not found at "${path}"`, { cause });
  }
}

function wrap(session: InferenceSession, graph: Graph): Session {
  let released = false;
  return {
    async run(inputs) {
      if (released) throw new Error(`Cannot run graph "${graph.name}": its session has been released`);
      checkFeeds(graph, inputs);
      const feeds = Object.fromEntries(Object.entries(inputs).map(([name, feed]) => [name, toOrt(feed)]));
      const results = await session.run(feeds);
      return Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, fromOrt(tensor)]));
    },
    async [Symbol.asyncDispose]() {
      if (released) return;
      released = true;
      await session.release();
    },
  };
}

const tensors = new WeakMap<DeviceTensor, OrtTensor>();

function toOrt(feed: Feed): OrtTensor {
  if ("download" in feed) {
    const known = tensors.get(feed);
    if (known === undefined) throw new TypeError("Cannot run: an input has been freed or belongs to another runtime");
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
    [Symbol.dispose]() {
      tensors.delete(result);
      tensor.dispose();
    },
  };
  tensors.set(result, tensor);
  return result;
}
