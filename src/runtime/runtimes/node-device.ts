import { env, InferenceSession, listSupportedBackends, Tensor as OrtTensor } from "onnxruntime-node";
import { type Graph, graphBuilder } from "../../onnx/graph.ts";
import { add, cast } from "../../onnx/ops.ts";
import { writeModel } from "../../onnx/protobuf/model.ts";
import { DTYPES } from "../../tensor/dtype.ts";

/** What ONNX Runtime can run on in Node, with what a machine must have for it. */
export const NODE_DEVICES = {
  cpu: "any machine",
  webgpu: "a GPU with a driver for Vulkan and libvulkan.so.1 (Linux), Direct3D 12 (Windows) or Metal (macOS)",
  cuda: "an NVIDIA GPU, CUDA 12 with cuDNN 9, and ONNX Runtime's CUDA libraries (ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node)",
  coreml: "macOS on Apple silicon",
  dml: "Windows with a GPU that has a driver for Direct3D 12",
} as const;

/** Names of devices. */
export type NodeDevice = keyof typeof NODE_DEVICES;

/** The device is not there: this build of ONNX Runtime or this machine lacks it. */
export class DeviceError extends Error {
  override readonly name = "DeviceError";
}

/** ONNX Runtime's level for fatal errors alone. */
export const SILENT = 4;

/** Refuses a device that is unknown, or that this build of ONNX Runtime was made without. */
export function checkDevice(device: string): asserts device is NodeDevice {
  if (!Object.hasOwn(NODE_DEVICES, device)) {
    throw new RangeError(
      `Cannot run on device "${device}": one of ${Object.keys(NODE_DEVICES).join(", ")} is required`,
    );
  }
  const built = listSupportedBackends().map(({ name }) => name);
  if (built.includes(device)) return;
  const usable = Object.keys(NODE_DEVICES).filter((name) => built.includes(name));
  throw new DeviceError(
    `Cannot run on device "${device}": ONNX Runtime for ${process.platform} ${process.arch} comes with ${usable.join(", ")}`,
  );
}

/** Runs a sum on `device`, or explains what the device takes. */
export async function probeDevice(device: NodeDevice): Promise<void> {
  if (device === "cpu") return;
  env.logLevel = "fatal"; // of what is outside of sessions, such as loading CUDA's libraries
  try {
    await runProbe(device, sum());
  } catch (cause) {
    throw new DeviceError(
      `Cannot run on device "${device}": ONNX Runtime cannot use it on this machine, it takes ${NODE_DEVICES[device]}`,
      { cause },
    );
  }
}

/** Whether shaders of a WebGPU `device` may use float16, its feature `shader-f16`: tried, as Node has no way to ask. */
export async function hasHalf(device: NodeDevice): Promise<boolean> {
  if (device !== "webgpu") return false;
  try {
    const total = await runProbe(device, halfSum());
    return total.every((value) => value === 3);
  } catch {
    return false;
  }
}

function sum(): Graph {
  const builder = graphBuilder("probe");
  const x = builder.input("x", "F32", [4]);
  return builder.finish({ y: add(x, x) });
}

function halfSum(): Graph {
  const builder = graphBuilder("half_probe");
  const x = cast(builder.input("x", "F32", [4]), "F16", DTYPES.F16.onnxType);
  return builder.finish({ y: cast(add(x, x), "F32", DTYPES.F32.onnxType) });
}

/** The result for 1.5 everywhere. */
async function runProbe(device: NodeDevice, graph: Graph): Promise<readonly number[]> {
  const model = writeModel(graph, (path) => path);
  const session = await InferenceSession.create(model, { executionProviders: [device], logSeverityLevel: SILENT });
  try {
    const { y } = await session.run({ x: new OrtTensor("float32", new Float32Array(4).fill(1.5), [4]) });
    return [...((y?.data ?? []) as Float32Array)];
  } finally {
    await session.release();
  }
}
