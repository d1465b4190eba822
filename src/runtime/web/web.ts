import { DeviceError } from "../../errors/device-error.ts";
import type { Graph } from "../../onnx/graph.ts";
import { separateNumbers } from "../../onnx/passes/given-numbers.ts";
import { storedBytes, widenedBytes } from "../../onnx/weights.ts";
import { pause } from "../../tensor/in-turns.ts";
import { abortable } from "../abortable.ts";
import {
  CPU_FEATURES,
  type DeviceFeatures,
  givesSums,
  hasFusedAttention,
  sum,
  type Trial,
  tryDevice,
} from "../device-features.ts";
import { deviceGraph } from "../device-graph.ts";
import type { LoadOptions, Runtime, Session } from "../runtime.ts";
import { callingThread } from "../sessions/calling-thread.ts";
import { deviceTensors } from "../sessions/device-tensors.ts";
import { fedNumbers } from "../sessions/fed-numbers.ts";
import type { OpenedSession } from "../sessions/opened-session.ts";
import type { Place } from "../sessions/place.ts";
import { runtimeSession } from "../sessions/runtime-session.ts";
import { weightState } from "../sessions/weight-state.ts";
import type { Bundle } from "./bundle.ts";
import { capturing } from "./captured.ts";
import { type Losable, NEVER_LOST, watchDevice } from "./lost-device.ts";
import { loadedBundle, loadOnnxRuntime } from "./onnxruntime.ts";
import { openWebGraph, type WebDevice } from "./open-graph.ts";
import { type BrowserSupport, browserSupport, bundleFor } from "./support.ts";

/** How ONNX Runtime Web runs in a browser. */
export interface WebRuntimeOptions {
  /** Where graphs run: on the GPU, on the CPU, or, by default, on a GPU where the browser has one that WebGPU can use. */
  readonly device?: WebDevice | "auto" | undefined;
  /** On the CPU, in a page that is isolated (COOP and COEP); half of the cores, four at most, where left out. */
  readonly threads?: number | undefined;
  /** Leave half-precision weights as they are in memory, and widen them whenever they are used. */
  readonly lowMemory?: boolean | undefined;
  /** The folder that ONNX Runtime's .wasm files are served from; beside its script, where bundlers put them, if left out. */
  readonly wasmPaths?: string | undefined;
}

/** Weights in float32 beyond which a graph keeps them in float16 in WebAssembly's memory, which ends at 4 GiB. */
const MOST_WIDENED = 1.5 * 2 ** 30;
/** Weights from which ONNX Runtime reads them one after the other on the CPU, too: fewer are sooner there all at once. */
const MANY_BYTES = 256 * 2 ** 20;

/** ONNX Runtime Web on the thread that calls it, loaded with the first graph; weights are read from wherever the checkpoint lies. */
export async function webRuntime(options: WebRuntimeOptions = {}): Promise<Runtime> {
  const { device: wanted = "auto", lowMemory = false, wasmPaths } = options;
  checkDevice(wanted);
  const support = await browserSupport({ software: wanted === "webgpu" });
  const device = wanted === "auto" ? (support.webgpu ? "webgpu" : "wasm") : wanted;
  if (device === "webgpu" && !support.webgpu) {
    throw new DeviceError(`Cannot run on device "webgpu": ${support.reason}`);
  }
  // With WebGPU, the CPU computes nothing.
  const threads = device === "webgpu" ? 1 : (options.threads ?? support.threads);
  const tensors = deviceTensors();
  const start = async (): Promise<Started> => {
    const bundle = loadedBundle() ?? bundleFor({ ...support, webgpu: device === "webgpu" });
    const module = await loadOnnxRuntime(bundle, { threads, wasmPaths });
    const place = callingThread(() => (device === "webgpu" ? capturing(module) : module), { quiet: true });
    const lazily = bundle === "jspi";
    const features = await featuresOf(device, support, place);
    if (device === "wasm") return { place, lazily, features, gpu: NEVER_LOST };
    return { place, lazily, features, gpu: await watchDevice(module) };
  };
  let starting: Promise<Started> | undefined;
  /** The device as it is; a new one where the last was lost. */
  const ready = async (): Promise<Started> => {
    if ((await starting?.catch(() => undefined))?.gpu.isLost() !== false) starting = undefined;
    starting ??= start();
    return await starting;
  };

  const sparing = (graph: Graph, { once = false }: LoadOptions): boolean =>
    device === "wasm" && (lowMemory || once || widenedBytes(graph) > MOST_WIDENED);

  return {
    device,
    threads: device === "wasm" ? threads : undefined,
    copies: device === "wasm" && !lowMemory, // in low memory, a weight is there once
    async load(graph, asked = {}) {
      const state = weightState(graph);
      const open = async (): Promise<OnDevice> => {
        const started = await ready();
        const { place, lazily, features, gpu } = started;
        const adapted = deviceGraph(graph, features, asked.allowHalf ?? false);
        const numbers = features.exactNumbers ? undefined : separateNumbers(adapted);
        state.checkBeforeLoad();
        await pause();
        const settings = {
          ...{ device, sparing: sparing(graph, asked), keep: asked.keep },
          lazily: lazily && (device === "webgpu" || storedBytes(graph) >= MANY_BYTES),
          captured: asked.repeated === true && features.capture === true && isFloat(numbers?.graph ?? adapted),
        };
        const opened = await gpu.until(() => openWebGraph(numbers?.graph ?? adapted, settings, place));
        return { gpu, session: numbers === undefined ? opened : fedNumbers(opened, numbers) };
      };
      const load = async (): Promise<Session> =>
        runtimeSession(reopened(await open(), open), graph, { tensors, state });
      return await abortable(load, asked.signal, (session) => void session[Symbol.asyncDispose]());
    },
  };
}

/** Whether all that a graph takes and gives are float32 numbers. */
const isFloat = ({ inputs, outputs }: Graph): boolean =>
  [...inputs.values(), ...outputs.values()].every(({ dtype }) => dtype === "F32");

function checkDevice(device: string): void {
  if (device === "auto" || device === "webgpu" || device === "wasm") return;
  throw new RangeError(`Cannot run on device "${device}": in a browser, one of auto, webgpu, wasm is required`);
}

/** A session, and the device that it is on. */
interface OnDevice {
  readonly session: OpenedSession;
  readonly gpu: Losable;
}

/** A session that is opened anew for its next run once its device is lost; the run under way fails. */
function reopened(first: OnDevice, open: () => Promise<OnDevice>): OpenedSession {
  let current = first;
  return {
    async run(feeds, signal) {
      if (current.gpu.isLost()) current = await open();
      const { session, gpu } = current;
      return await gpu.until(() => session.run(feeds, signal));
    },
    async [Symbol.asyncDispose]() {
      if (!current.gpu.isLost()) await current.session[Symbol.asyncDispose]();
    },
  };
}

/** ONNX Runtime, loaded with the first graph. */
interface Started {
  readonly place: Place;
  /** Whether it reads weights from Blobs, one after the other. */
  readonly lazily: boolean;
  readonly features: DeviceFeatures;
  readonly gpu: Losable;
}

/** What the device can do; where it can do nothing, says so. */
async function featuresOf(device: WebDevice, { half }: BrowserSupport, place: Place): Promise<DeviceFeatures> {
  const trialOf =
    (captured: boolean): Trial =>
    async (graph, x, shape) => {
      await using session = await openWebGraph(graph, { device, sparing: false, lazily: false, captured }, place);
      const run = async (data: Float32Array): Promise<readonly number[]> => {
        const { y } = await session.run({ x: { data, dims: shape } });
        return y === undefined ? [] : [...(await y.read()).data].map(Number);
      };
      if (captured) await run(x.map((value) => value + 1)); // what is recorded is not what is asked for
      return await run(x);
    };
  const trial = trialOf(false);
  try {
    // Never released: ONNX Runtime destroys its GPU device with the last session.
    if (device === "webgpu") await openWebGraph(sum(), { device, sparing: false, lazily: false }, place);
    await tryDevice(trial);
  } catch (cause) {
    throw new DeviceError(`Cannot run on device "${device}": ONNX Runtime cannot use it in this browser`, { cause });
  }
  if (device === "wasm") return CPU_FEATURES;
  return {
    fusedAttention: await hasFusedAttention(trial),
    half,
    halfWeights: half,
    fusedProducts: false,
    exactNumbers: false,
    capture: await givesSums(trialOf(true)),
  };
}

export type { Bundle, WebDevice };
