import { type Graph, graphBuilder } from "../../onnx/graph.ts";
import { identity } from "../../onnx/ops.ts";
import { separateNumbers } from "../../onnx/passes/given-numbers.ts";
import { widenedBytes } from "../../onnx/weights.ts";
import { pause } from "../../tensor/in-turns.ts";
import { abortable } from "../abortable.ts";
import { withChangesBeside } from "../changes.ts";
import { CONVOLUTIONS, type Convolutions, withConvolutions } from "../convolutions.ts";
import { deviceGraph } from "../device-graph.ts";
import { copiesWeights } from "../memory/weight-copies.ts";
import { isOpenVinoDevice } from "../openvino/device.ts";
import { openVinoRuntime } from "../openvino/openvino.ts";
import { PIECE_BYTES, piecesOf } from "../pieces.ts";
import { checkPrecision, type Precision, withPrecision } from "../precision.ts";
import type { LoadOptions, Runtime, Session } from "../runtime.ts";
import { callingThread } from "../sessions/calling-thread.ts";
import { deviceTensors } from "../sessions/device-tensors.ts";
import type { Enter } from "../sessions/enter.ts";
import { fedNumbers } from "../sessions/fed-numbers.ts";
import { memorySettings } from "../sessions/memory-settings.ts";
import type { OpenedSession } from "../sessions/opened-session.ts";
import type { Place } from "../sessions/place.ts";
import { runtimeSession } from "../sessions/runtime-session.ts";
import { weightState } from "../sessions/weight-state.ts";
import { chainedSession } from "./chained-session.ts";
import { checkDevice, type NodeDevice, probeDevice } from "./device.ts";
import { int8Range } from "./int8-range.ts";
import { onnxRuntime, onnxRuntimePackage } from "./onnxruntime.ts";
import { type OpenSettings, openGraph } from "./open-graph.ts";
import { sessionThread } from "./places/thread.ts";
import { processorCores } from "./processor-cores.ts";
import { type WeightKeeping, withKeptWeights } from "./weights/kept-weights.ts";
import { openComputed } from "./weights/open-computed.ts";

/** How graphs run on this machine. */
export interface NodeRuntimeOptions {
  /** Where graphs run; "cpu" by default. What a device of ONNX Runtime has no operation for runs on the CPU. */
  readonly device?: NodeDevice;
  /** Threads inside an operator on the CPU; ONNX Runtime takes the number of physical cores by default. */
  readonly threads?: number;
  /**
   * On the CPU, leave weights in their files, mapped into memory. Half-precision weights are widened anew whenever they are
   * used, and memory goes back to the system after every operation, which takes more time.
   */
  readonly lowMemory?: boolean;
  /**
   * The thread of JavaScript that loads and runs graphs. "own", the default, leaves the caller's event loop free. "caller"
   * blocks it as long as a graph takes: for programs that are in a worker of their own.
   */
  readonly thread?: "own" | "caller";
  /**
   * How large convolutions are computed on the CPU: "winograd" takes a quarter of the multiplications and, for the
   * network, up to a third more memory, and differs from "direct" in the last bits. "direct" with `lowMemory`.
   */
  readonly convolutions?: Convolutions;
  /**
   * What linear layers and convolutions of the denoising network are computed in on the CPU: "int8" is faster where the
   * processor has instructions for it, takes a third of the memory, and differs from "float32", the default, in the picture.
   */
  readonly precision?: Precision;
  /** Where int8 weights of large networks are kept; they are made anew whenever such a network is loaded where left out. */
  readonly keepWeights?: Omit<WeightKeeping, "signal">;
}

/** ONNX Runtime or OpenVINO on this machine's processors; weights are read from the checkpoint's own files. */
export const nodeRuntime = (options: NodeRuntimeOptions = {}): Runtime => nodeRuntimeInPieces(options, PIECE_BYTES);

/** ONNX Runtime on the calling thread, which is one of our own: all that enters it goes through `enter`. */
export const guardedRuntime = (options: Omit<NodeRuntimeOptions, "thread">, enter: Enter): Runtime =>
  nodeRuntimeInPieces({ ...options, thread: "caller" }, PIECE_BYTES, enter);

/**
 * `nodeRuntime` that on a CPU takes graphs with more than `pieceBytes` of half-precision weights apart, in bytes of float32:
 * widening them is what loading takes, and pieces are loaded side by side, each in a thread of its own.
 */
export function nodeRuntimeInPieces(
  {
    device = "cpu",
    threads,
    lowMemory = false,
    thread = "own",
    convolutions = "winograd",
    precision = "float32",
    keepWeights,
  }: NodeRuntimeOptions,
  pieceBytes: number,
  enter?: Enter,
): Runtime {
  checkDevice(device);
  checkThread(thread);
  checkConvolutions(convolutions);
  checkPrecision(precision, device);
  if (lowMemory && device !== "cpu") {
    throw new RangeError(
      `Cannot use lowMemory on device "${device}": it leaves weights in their files, which takes a CPU`,
    );
  }
  if (isOpenVinoDevice(device)) return openVinoRuntime({ device, threads, thread, precision });
  onnxRuntimePackage(); // not loaded yet, but where there is none, that is known before any model is opened
  const onCpu = device === "cpu";
  const quiet = !onCpu;
  const own = (): Place => sessionThread({ quiet });
  const place = thread === "own" ? own() : callingThread(onnxRuntime, { quiet, enter });
  const elsewhere = thread === "own" ? own : () => place;
  const tensors = deviceTensors(device === "webgpu" ? (at, tensor, dims) => readBack(at, tensor, dims) : undefined);
  const features = once(() => probeDevice(device, place));
  const range = once(() => int8Range(place));

  async function readBack(at: Place, tensor: number, dims: readonly number[]) {
    const graph = readBackGraph(dims);
    await using session = await openGraph(graph, { device, threads, memory: memorySettings(graph, false) }, at);
    const { value } = await session.run({ kept: { feed: () => ({ fed: { held: tensor } }) } });
    if (value === undefined) throw new Error("Cannot read a result back: the graph that does so gives nothing");
    return await value.read();
  }

  /** `graph` in the precision that is asked for, if it is the network that runs again and again. */
  async function narrowed(graph: Graph, options: LoadOptions, sparing: boolean): Promise<Graph> {
    const { allowHalf = false, once: rarely = false, signal } = options;
    if (!allowHalf || rarely || precision === "float32") return graph;
    const narrow = withPrecision(graph, precision, await range());
    if (narrow === graph || keepWeights === undefined || (!sparing && widenedBytes(graph) < WORTH_KEEPING))
      return narrow;
    const settings = { device, threads, memory: memorySettings(narrow, true) };
    return await withKeptWeights(narrow, { ...keepWeights, signal }, settings, place);
  }

  /** `graph` in fewer operations, on an evaluation or on loading. */
  function forCpu(graph: Graph, sparing: boolean): Graph {
    const beside = sparing || !copiesWeights(graph) ? withChangesBeside(graph) : graph;
    return sparing ? beside : withConvolutions(beside, convolutions);
  }

  /** Loads `graph` as one session, or as one for each piece, all at a time. */
  async function open(graph: Graph, options: LoadOptions): Promise<OpenedSession> {
    const { keep, once: rarely = false } = options;
    const sparing = onCpu && (lowMemory || rarely);
    const narrow = await narrowed(graph, options, sparing);
    const settings = { device, threads, memory: memorySettings(narrow, sparing) };
    await pause();
    const fast = onCpu ? forCpu(narrow, sparing) : narrow;
    const pieces = onCpu && !sparing ? piecesOf(fast, pieceBytes) : [fast];
    // Small weights are packed, for which ONNX Runtime has to know them.
    const computesThem = onCpu && (sparing ? narrow !== graph : !copiesWeights(narrow));
    const open = computesThem ? openComputed : openGraph;
    if (pieces.length > 1) return await openPieces(fast, pieces, settings, { place: elsewhere, open });
    return await open(fast, { ...settings, keep }, place);
  }

  return {
    device,
    threads: onCpu ? (threads ?? processorCores()) : undefined,
    precision,
    copies: device !== "webgpu" && !lowMemory, // in low memory, a weight is there once
    begin: () => place.begin(),
    async load(graph, options = {}) {
      const state = weightState(graph);
      const load = async (): Promise<Session> => {
        const known = await features();
        const adapted = deviceGraph(graph, known, options.allowHalf ?? false);
        const numbers = known.exactNumbers ? undefined : separateNumbers(adapted);
        state.checkBeforeLoad();
        const opened = await open(numbers?.graph ?? adapted, options);
        return runtimeSession(numbers === undefined ? opened : fedNumbers(opened, numbers), graph, { tensors, state });
      };
      return await abortable(load, options.signal, (session) => void session[Symbol.asyncDispose]());
    },
  };
}

/**
 * Weights in float32 from which int8 ones are read from files: ONNX Runtime holds on to what folding goes through, several times as
 * much as the weights.
 */
const WORTH_KEEPING = 2 ** 27;

function checkThread(thread: string): void {
  if (thread !== "own" && thread !== "caller") {
    throw new RangeError(`Cannot run on thread "${thread}": one of own, caller is required`);
  }
}

function checkConvolutions(convolutions: string): void {
  if (!CONVOLUTIONS.some((known) => known === convolutions)) {
    throw new RangeError(
      `Cannot compute convolutions by "${convolutions}": one of ${CONVOLUTIONS.join(", ")} is required`,
    );
  }
}

/** Opens all pieces of a graph, or none: where one is refused, the sessions of the others are released. */
export async function openPieces(
  graph: Graph,
  pieces: readonly Graph[],
  settings: OpenSettings,
  { place, open }: { readonly place: () => Place; readonly open: typeof openGraph },
): Promise<OpenedSession> {
  const opened = await Promise.allSettled(pieces.map((piece) => openAlone(open, piece, settings, place())));
  const sessions = opened.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  const failed = opened.find((result) => result.status === "rejected");
  if (failed === undefined) return chainedSession(graph, pieces, sessions);
  await Promise.all(sessions.map((session) => session[Symbol.asyncDispose]()));
  throw failed.reason;
}

/** A session whose place ends with it. */
async function openAlone(
  open: typeof openGraph,
  graph: Graph,
  settings: OpenSettings,
  place: Place,
): Promise<OpenedSession> {
  try {
    const session = await open(graph, settings, place);
    return {
      run: session.run,
      async [Symbol.asyncDispose]() {
        await session[Symbol.asyncDispose]();
        await place.end();
      },
    };
  } catch (error) {
    await place.end();
    throw error;
  }
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
