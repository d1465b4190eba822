import { realpathSync } from "node:fs";
import { basename, dirname } from "node:path";
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { type Graph, graphBuilder } from "../../onnx/graph.ts";
import { halfPrecision } from "../../onnx/half-precision.ts";
import { identity } from "../../onnx/ops.ts";
import { writeModel } from "../../onnx/protobuf/model.ts";
import { splitAttention } from "../../onnx/split-attention.ts";
import { weightsFirst } from "../../onnx/weights-first.ts";
import { checkFeeds } from "../feeds.ts";
import type { DeviceTensor, Feed, Runtime, Session } from "../runtime.ts";
import { memorySettings } from "./memory-settings.ts";
import {
  checkDevice,
  type DeviceFeatures,
  executionProvider,
  type NodeDevice,
  probeDevice,
  SILENT,
} from "./node-device.ts";

/** How ONNX Runtime runs on this machine. */
export interface NodeRuntimeOptions {
  /** Where graphs run; "cpu" by default. What a device has no operation for runs on the CPU. */
  readonly device?: NodeDevice;
  /** Threads inside an operator on the CPU; ONNX Runtime takes the number of physical cores by default. */
  readonly threads?: number;
  /**
   * On the CPU, leave weights in their files, mapped into memory. Half-precision weights are widened anew whenever they are
   * used, and memory goes back to the system after every operation, which takes more time.
   */
  readonly lowMemory?: boolean;
}

/** ONNX Runtime on this machine's CPU or GPU; weights are read from the checkpoint's own files. */
export function nodeRuntime({ device = "cpu", threads, lowMemory = false }: NodeRuntimeOptions = {}): Runtime {
  checkDevice(device);
  if (lowMemory && device !== "cpu") {
    throw new RangeError(
      `Cannot use lowMemory on device "${device}": it leaves weights in their files, which takes a CPU`,
    );
  }
  const tensors = deviceTensors(async (tensor) => {
    await using session = await open(readBackGraph(tensor.dims));
    return (await session.run({ kept: tensor }))["value"]?.data as Float32Array;
  });
  const features = once(() => probeDevice(device));

  async function open(graph: Graph, keep: readonly string[] = []): Promise<OpenedSession> {
    const { folder, locate } = weightFiles(graph);
    const memory = memorySettings(graph, lowMemory);
    const model = writeModel(lowMemory ? weightsFirst(graph) : graph, locate);
    try {
      const session = await InferenceSession.create(model, {
        executionProviders: [executionProvider(device, graph)],
        ...memory.options,
        logSeverityLevel: SILENT, // what goes wrong is thrown
        ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
        // Of ONNX Runtime's devices in Node, WebGPU is the only one whose memory JavaScript can hold on to.
        ...(device === "webgpu" ? { preferredOutputLocation: outputLocations(graph, keep) } : {}),
        extra: {
          session: {
            // Every session has threads of its own; those that spin after a run take the cores from the next session.
            force_spinning_stop: "1",
            ...memory.session,
            ...(folder === undefined ? {} : { model_external_initializers_file_folder_path: folder }),
          },
        },
      });
      return { run: (feeds) => session.run(feeds), [Symbol.asyncDispose]: () => session.release() };
    } catch (cause) {
      throw new Error(`Cannot load graph "${graph.name}" into ONNX Runtime`, { cause });
    }
  }

  return {
    device,
    copies: device !== "webgpu" && !lowMemory, // in low memory, a weight is there once
    async load(graph, { keep, allowHalf = false } = {}) {
      const adapted = adapt(graph, await features(), allowHalf);
      return wrap(await open(adapted, keep), graph, tensors);
    },
  };
}

/** `graph` in the form that a device computes rightly, and fast. */
function adapt(graph: Graph, { fusedAttention, half }: DeviceFeatures, allowHalf: boolean): Graph {
  const computed = fusedAttention ? graph : splitAttention(graph);
  return half && allowHalf ? halfPrecision(computed) : computed;
}

/** Where ONNX Runtime leaves each result. */
function outputLocations(graph: Graph, keep: readonly string[]): Readonly<Record<string, "cpu" | "gpu-buffer">> {
  const names = [...graph.outputs.keys()];
  return Object.fromEntries(names.map((name) => [name, keep.includes(name) ? "gpu-buffer" : "cpu"]));
}

/** ONNX Runtime's session, to be released like ours. */
interface OpenedSession extends AsyncDisposable {
  run(feeds: Readonly<Record<string, OrtTensor>>): Promise<InferenceSession.OnnxValueMapType>;
}

/** What `compute` gave the first time. */
function once<T>(compute: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => {
    result ??= compute();
    return result;
  };
}

/** Gives back what it is fed. The result of a session is brought to the CPU, whereas a kept one cannot be read in Node. */
function readBackGraph(shape: readonly number[]): Graph {
  const builder = graphBuilder("read_back");
  return builder.finish({ value: identity(builder.input("kept", "F32", shape)) });
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

function wrap(session: OpenedSession, graph: Graph, tensors: DeviceTensors): Session {
  let released = false;
  return {
    async run(inputs) {
      if (released) throw new Error(`Cannot run graph "${graph.name}": its session has been released`);
      checkFeeds(graph, inputs);
      const feeds = Object.fromEntries(Object.entries(inputs).map(([name, feed]) => [name, tensors.toOrt(feed)]));
      const results = await session.run(feeds);
      return Object.fromEntries(
        Object.entries(results).map(([name, tensor]) => [name, tensors.fromOrt(tensor as OrtTensor)]),
      );
    },
    async [Symbol.asyncDispose]() {
      if (released) return;
      released = true;
      await session[Symbol.asyncDispose]();
    },
  };
}

/** A runtime's results and ONNX Runtime's tensors behind them. */
interface DeviceTensors {
  toOrt(feed: Feed): OrtTensor;
  fromOrt(tensor: OrtTensor): DeviceTensor;
}

function deviceTensors(readBack: (kept: OrtTensor) => Promise<Float32Array>): DeviceTensors {
  const known = new WeakMap<DeviceTensor, OrtTensor>();
  return {
    toOrt(feed) {
      if ("download" in feed) {
        const tensor = known.get(feed);
        if (tensor === undefined)
          throw new TypeError("Cannot run: an input has been freed or belongs to another runtime");
        return tensor;
      }
      return feed.data instanceof Float32Array
        ? new OrtTensor("float32", feed.data, feed.shape)
        : new OrtTensor("int64", feed.data, feed.shape);
    },
    fromOrt(tensor) {
      const shape = tensor.dims;
      const result: DeviceTensor = {
        shape,
        async download() {
          if (!known.has(result)) throw new Error("Cannot download a tensor that has been freed");
          return { data: tensor.location === "cpu" ? (tensor.data as Float32Array) : await readBack(tensor), shape };
        },
        [Symbol.dispose]() {
          if (known.delete(result)) tensor.dispose();
        },
      };
      known.set(result, tensor);
      return result;
    },
  };
}
