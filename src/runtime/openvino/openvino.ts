import { DeviceError } from "../../errors/device-error.ts";
import { separateNumbers } from "../../onnx/passes/given-numbers.ts";
import { splitAttention } from "../../onnx/passes/split-attention.ts";
import { abortable } from "../abortable.ts";
import { hasFusedAttention, type Trial } from "../device-features.ts";
import { sessionThread } from "../node/places/thread.ts";
import type { Precision } from "../precision.ts";
import type { LoadOptions, Runtime, Session } from "../runtime.ts";
import { callingThread } from "../sessions/calling-thread.ts";
import { deviceTensors } from "../sessions/device-tensors.ts";
import { fedNumbers } from "../sessions/fed-numbers.ts";
import { runtimeSession } from "../sessions/runtime-session.ts";
import { weightState } from "../sessions/weight-state.ts";
import { nameInOpenVino, type OpenVinoDevice } from "./device.ts";
import { openVinoPrecisions } from "./examine.ts";
import { loadOpenVino, openVinoPaths } from "./load-openvino.ts";
import { openInOpenVino } from "./open-graph.ts";
import type { Properties } from "./openvino-library.js";
import { openVinoModule } from "./openvino-module.js";

/** How OpenVINO runs on this machine. */
export interface OpenVinoRuntimeOptions {
  readonly device: OpenVinoDevice;
  readonly threads?: number | undefined;
  readonly thread?: "own" | "caller" | undefined;
  readonly precision?: Precision | undefined;
}

/** What OpenVINO calls what the network that denoises may be computed in. */
const HINTS = { float32: "f32", bfloat16: "bf16", float16: "f16" } as const;
type OpenVinoPrecision = keyof typeof HINTS;

const isItsOwn = (precision: Precision): precision is OpenVinoPrecision => Object.hasOwn(HINTS, precision);

/** OpenVINO on this machine's processors; weights are mapped from the checkpoint's own files. */
export function openVinoRuntime({
  device,
  threads,
  thread = "own",
  precision = "float32",
}: OpenVinoRuntimeOptions): Runtime {
  openVinoPaths(); // not loaded yet, but where there is none, that is known before any model is opened
  const narrow = isItsOwn(precision) ? precision : "float32";
  const own = nameInOpenVino(device);
  const place =
    thread === "own" ? sessionThread({ openVino: openVinoPaths() }) : callingThread(openVino, { quiet: false });
  const tensors = deviceTensors();

  /** Older versions of OpenVINO know no attention in one operation. */
  let attention: Promise<boolean> | undefined;
  const trial: Trial = async (graph, x, shape) => {
    await using session = await openInOpenVino(graph, { device: own, properties: {} }, place);
    const { y } = await session.run({ x: { data: x, dims: shape } });
    return y === undefined ? [] : [...(await y.read()).data].map(Number);
  };

  /** What `graph` is computed in: only the network that denoises is ever computed in less than float32. */
  const properties = ({ allowHalf = false }: LoadOptions, offered: readonly Precision[]): Properties => {
    const asked = allowHalf ? narrow : "float32";
    return {
      PERFORMANCE_HINT: "LATENCY",
      // A device without float32 has its own way for networks that are not asked to be narrow.
      ...(asked === narrow || offered.includes(asked) ? { INFERENCE_PRECISION_HINT: HINTS[asked] } : {}),
      ...(threads === undefined || !own.startsWith("CPU") ? {} : { INFERENCE_NUM_THREADS: `${threads}` }),
    };
  };

  return {
    device,
    threads: own.startsWith("CPU") ? threads : undefined,
    precision,
    copies: true,
    async load(graph, options = {}) {
      const state = weightState(graph);
      const load = async (): Promise<Session> => {
        const offered = openVinoPrecisions(device);
        checkOffered(device, narrow, offered);
        attention ??= hasFusedAttention(trial);
        const adapted = (await attention) ? graph : splitAttention(graph);
        // In sixteen bits, a timestep is off by up to 4, and so are its sines.
        const numbers = options.allowHalf === true && narrow !== "float32" ? separateNumbers(adapted) : undefined;
        state.checkBeforeLoad();
        const settings = { device: own, properties: properties(options, offered), keep: options.keep };
        const opened = await openInOpenVino(numbers?.graph ?? adapted, settings, place);
        return runtimeSession(numbers === undefined ? opened : fedNumbers(opened, numbers), graph, { tensors, state });
      };
      return await abortable(load, options.signal, (session) => void session[Symbol.asyncDispose]());
    },
  };
}

const openVino = () => openVinoModule(loadOpenVino);

function checkOffered(device: OpenVinoDevice, precision: Precision, offered: readonly Precision[]): void {
  if (offered.includes(precision)) return;
  throw new DeviceError(
    `Cannot compute in ${precision} on device "${device}": OpenVINO offers ${offered.join(", ")} there`,
  );
}
