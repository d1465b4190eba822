import type { Tensor as OrtTensor } from "onnxruntime-node";
import { type Graph, graphBuilder } from "../../onnx/graph.ts";
import { halfPrecision } from "../../onnx/half-precision.ts";
import { identity } from "../../onnx/ops.ts";
import { splitAttention } from "../../onnx/split-attention.ts";
import { checkFeeds } from "../feeds.ts";
import { PIECE_BYTES, piecesOf } from "../pieces.ts";
import type { DeviceTensor, Feed, LoadOptions, Runtime, Session } from "../runtime.ts";
import { chainedSession } from "./chained-session.ts";
import { checkDevice, type DeviceFeatures, type NodeDevice, probeDevice } from "./device.ts";
import { memorySettings } from "./memory-settings.ts";
import { onnxRuntime } from "./onnxruntime.ts";
import { openGraph } from "./open-graph.ts";
import { type OpenedSession, openHere } from "./opened-session.ts";
import { openInThread } from "./thread-session.ts";

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
  /**
   * On the CPU, half-precision weights above which a graph is loaded and run in pieces, each in a thread of its own: widening
   * them is what loading takes, and pieces are loaded side by side. In bytes of float32; 2 GiB by default. Infinity
   * leaves everything on the calling thread, as a bundle that lacks `session-thread.js` needs it.
   */
  readonly pieceBytes?: number;
}

/** ONNX Runtime on this machine's CPU or GPU; weights are read from the checkpoint's own files. */
export function nodeRuntime({
  device = "cpu",
  threads,
  lowMemory = false,
  pieceBytes = PIECE_BYTES,
}: NodeRuntimeOptions = {}): Runtime {
  checkDevice(device);
  if (!(pieceBytes > 0)) {
    throw new RangeError(`Cannot load graphs in pieces of ${pieceBytes} bytes: a number above 0 is required`);
  }
  if (lowMemory && device !== "cpu") {
    throw new RangeError(
      `Cannot use lowMemory on device "${device}": it leaves weights in their files, which takes a CPU`,
    );
  }
  const place = { device, threads };
  const tensors = deviceTensors(async (tensor) => {
    const graph = readBackGraph(tensor.dims);
    await using session = await openGraph(graph, { ...place, memory: memorySettings(graph, false) }, openHere);
    return (await session.run({ kept: tensor }))["value"]?.data as Float32Array;
  });
  const features = once(() => probeDevice(device));

  /** Loads `graph` as one session, or as one for each piece, all at a time. */
  async function open(graph: Graph, { keep, once: rarely = false }: LoadOptions): Promise<OpenedSession> {
    const onCpu = device === "cpu";
    const sparing = onCpu && (lowMemory || rarely);
    const settings = { ...place, keep, memory: memorySettings(graph, sparing) };
    const pieces = onCpu && !sparing ? piecesOf(graph, pieceBytes) : [graph];
    if (pieces.length === 1) return await openGraph(graph, settings, openHere);
    const opened = await Promise.allSettled(pieces.map((piece) => openGraph(piece, settings, openInThread)));
    const sessions = opened.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    const failed = opened.find((result) => result.status === "rejected");
    if (failed !== undefined) {
      await Promise.all(sessions.map((session) => session[Symbol.asyncDispose]()));
      throw failed.reason;
    }
    return chainedSession(graph, pieces, sessions);
  }

  return {
    device,
    copies: device !== "webgpu" && !lowMemory, // in low memory, a weight is there once
    async load(graph, options = {}) {
      const adapted = adapt(graph, await features(), options.allowHalf ?? false);
      return wrap(await open(adapted, options), graph, tensors);
    },
  };
}

/** `graph` in the form that a device computes rightly, and fast. */
function adapt(graph: Graph, { fusedAttention, half }: DeviceFeatures, allowHalf: boolean): Graph {
  const computed = fusedAttention ? graph : splitAttention(graph);
  return half && allowHalf ? halfPrecision(computed) : computed;
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

function wrap(session: OpenedSession, graph: Graph, tensors: DeviceTensors): Session {
  let released = false;
  return {
    async run(inputs) {
      if (released) throw new Error(`Cannot run graph "${graph.name}": its session has been released`);
      checkFeeds(graph, inputs);
      const feeds = Object.fromEntries(Object.entries(inputs).map(([name, feed]) => [name, tensors.toOrt(feed)]));
      const results = await session.run(feeds);
      return Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, tensors.fromOrt(tensor)]));
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
      const { Tensor } = onnxRuntime();
      return feed.data instanceof Float32Array
        ? new Tensor("float32", feed.data, feed.shape)
        : new Tensor("int64", feed.data, feed.shape);
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
