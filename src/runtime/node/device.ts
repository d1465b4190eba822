import { DeviceError } from "../../errors/device-error.ts";
import type { Graph } from "../../onnx/graph.ts";
import { writeModel } from "../../onnx/protobuf/model.ts";
import {
  CPU_FEATURES,
  type DeviceFeatures,
  hasFusedAttention,
  hasHalf,
  type Trial,
  tryDevice,
} from "../device-features.ts";
import { isOpenVinoDevice, type OpenVinoDevice } from "../openvino/device.ts";
import { OPENVINO_INSTALL } from "../openvino/find-openvino.ts";
import { openVinoPaths } from "../openvino/load-openvino.ts";
import { openSession } from "../sessions/opened-session.ts";
import type { Place } from "../sessions/place.ts";
import { onnxRuntime } from "./onnxruntime.ts";

/** What ONNX Runtime can run on in Node, with what a machine must have for it. */
export const ONNX_RUNTIME_DEVICES = {
  cpu: "any machine",
  webgpu: "a GPU with a driver for Vulkan and libvulkan.so.1 (Linux), Direct3D 12 (Windows) or Metal (macOS)",
  cuda: "an NVIDIA GPU, CUDA 12 with cuDNN 9, and ONNX Runtime's CUDA libraries (npm i -O onnxruntime-node@1.30 --ignore-scripts, then ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules/onnxruntime-node/script/install)",
  coreml: "macOS on Apple silicon",
  dml: "Windows with a GPU that has a driver for Direct3D 12",
} as const;

/** A device of ONNX Runtime's. */
export type OnnxRuntimeDevice = keyof typeof ONNX_RUNTIME_DEVICES;

/** What graphs can run on in Node, with what a machine must have for it. */
export const NODE_DEVICES = {
  ...ONNX_RUNTIME_DEVICES,
  openvino: `the package koffi (npm i koffi) and OpenVINO: ${OPENVINO_INSTALL}; openvino:GPU and openvino:NPU are Intel's`,
} as const;

/** What graphs can run on in Node; whether a machine has it shows when it is used. */
export type NodeDevice = OnnxRuntimeDevice | OpenVinoDevice;

/** ONNX Runtime's level for fatal errors alone. */
export const SILENT = 4;

/** Whether some machine has a device of this name. */
export const isDevice = (name: string): name is NodeDevice =>
  Object.hasOwn(ONNX_RUNTIME_DEVICES, name) || isOpenVinoDevice(name);

/** The names of devices, for help texts. */
export const DEVICE_NAMES = `${Object.keys(ONNX_RUNTIME_DEVICES).join(", ")}, openvino[:CPU|GPU|NPU]`;

/** Refuses a device that is unknown, for which something is not installed, or that this build of ONNX Runtime was made without. */
export function checkDevice(device: string): asserts device is NodeDevice {
  if (!isDevice(device)) {
    throw new RangeError(`Cannot run on device "${device}": one of ${DEVICE_NAMES} is required`);
  }
  if (isOpenVinoDevice(device)) {
    openVinoPaths();
    return;
  }
  if (device === "cpu") return; // everywhere; ONNX Runtime itself is loaded where graphs run
  const built = onnxRuntime()
    .listSupportedBackends()
    .map(({ name }) => name);
  if (built.includes(device)) return;
  const usable = Object.keys(ONNX_RUNTIME_DEVICES).filter((name) => built.includes(name));
  throw new DeviceError(
    `Cannot run on device "${device}": ONNX Runtime for ${process.platform} ${process.arch} comes with ${usable.join(", ")}`,
  );
}

/** Finds out by trying what `device` can do, as Node has no way to ask; where it can do nothing, says what it takes. */
export async function probeDevice(device: OnnxRuntimeDevice, place: Place): Promise<DeviceFeatures> {
  if (device === "cpu") return CPU_FEATURES;
  const trial: Trial = (graph, x, shape) => runTrial(device, place, { graph, x, shape });
  try {
    await tryDevice(trial);
  } catch (cause) {
    throw new DeviceError(
      `Cannot run on device "${device}": ONNX Runtime cannot use it on this machine, it takes ${ONNX_RUNTIME_DEVICES[device]}`,
      { cause },
    );
  }
  const isWebGpu = device === "webgpu";
  return {
    fusedAttention: await hasFusedAttention(trial),
    half: isWebGpu && (await hasHalf(trial)),
    halfWeights: true, // folded on the CPU, whose memory is not short
    fusedProducts: !isWebGpu,
    exactNumbers: !isWebGpu,
  };
}

interface TrialRun {
  readonly graph: Graph;
  readonly x: Float32Array;
  readonly shape: readonly number[];
}

async function runTrial(
  device: OnnxRuntimeDevice,
  place: Place,
  { graph, x, shape }: TrialRun,
): Promise<readonly number[]> {
  const model = writeModel(graph);
  const options = { executionProviders: [device], logSeverityLevel: SILENT };
  await using session = await openSession(place, graph, { model, options, keep: [] });
  const { y } = await session.run({ x: { data: x, dims: shape } });
  return y === undefined ? [] : [...(await y.read()).data].map(Number);
}
