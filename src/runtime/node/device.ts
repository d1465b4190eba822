import { DeviceError } from "../../errors/device-error.ts";
import { type Graph, graphBuilder, type Value } from "../../onnx/graph.ts";
import { add, cast, multiHeadAttention, subtract } from "../../onnx/ops.ts";
import { nodeName, writeModel } from "../../onnx/protobuf/model.ts";
import { splitAttention } from "../../onnx/split-attention.ts";
import { DTYPES } from "../../tensor/dtype.ts";
import { elementCount } from "../../tensor/tensor.ts";
import { onnxRuntime } from "./onnxruntime.ts";
import { openSession } from "./opened-session.ts";
import type { Place } from "./place.ts";

/** What ONNX Runtime can run on in Node, with what a machine must have for it. */
export const NODE_DEVICES = {
  cpu: "any machine",
  webgpu: "a GPU with a driver for Vulkan and libvulkan.so.1 (Linux), Direct3D 12 (Windows) or Metal (macOS)",
  cuda: "an NVIDIA GPU, CUDA 12 with cuDNN 9, and ONNX Runtime's CUDA libraries (npm i -O onnxruntime-node@1.30 --ignore-scripts, then ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules/onnxruntime-node/script/install)",
  coreml: "macOS on Apple silicon",
  dml: "Windows with a GPU that has a driver for Direct3D 12",
} as const;

/** What graphs can run on in Node; whether a machine has it shows when it is used. */
export type NodeDevice = keyof typeof NODE_DEVICES;

/** ONNX Runtime's level for fatal errors alone. */
export const SILENT = 4;

/** Whether ONNX Runtime has a device of this name on some machine. */
export const isDevice = (name: string): name is NodeDevice => Object.hasOwn(NODE_DEVICES, name);

/** Refuses a device that is unknown, or that this build of ONNX Runtime was made without. */
export function checkDevice(device: string): asserts device is NodeDevice {
  if (!isDevice(device)) {
    throw new RangeError(
      `Cannot run on device "${device}": one of ${Object.keys(NODE_DEVICES).join(", ")} is required`,
    );
  }
  if (device === "cpu") return; // everywhere; ONNX Runtime itself is loaded where graphs run
  const built = onnxRuntime()
    .listSupportedBackends()
    .map(({ name }) => name);
  if (built.includes(device)) return;
  const usable = Object.keys(NODE_DEVICES).filter((name) => built.includes(name));
  throw new DeviceError(
    `Cannot run on device "${device}": ONNX Runtime for ${process.platform} ${process.arch} comes with ${usable.join(", ")}`,
  );
}

/** What a device can do. */
export interface DeviceFeatures {
  /** Whether its ONNX Runtime computes attention in one operation, and rightly. */
  readonly fusedAttention: boolean;
  /** Whether its shaders may use float16, WebGPU's feature `shader-f16`. */
  readonly half: boolean;
}

/** Finds out by trying what `device` can do, as Node has no way to ask; where it can do nothing, says what it takes. */
export async function probeDevice(device: NodeDevice, place: Place): Promise<DeviceFeatures> {
  if (device === "cpu") return { fusedAttention: true, half: false };
  try {
    await runProbe(device, sum(), place);
  } catch (cause) {
    throw new DeviceError(
      `Cannot run on device "${device}": ONNX Runtime cannot use it on this machine, it takes ${NODE_DEVICES[device]}`,
      { cause },
    );
  }
  return {
    fusedAttention: await holds(device, attentionDifference(), place),
    half: device === "webgpu" && (await holds(device, halfDifference(), place)),
  };
}

/** ONNX Runtime's name of a device, with what is not to run there. */
export type ExecutionProvider = NodeDevice | { readonly name: NodeDevice; readonly forceCpuNodeNames: string[] };

/** ONNX Runtime's name of `device`; what a GPU computes too roughly for `graph` is left to the CPU. */
export function executionProvider(device: NodeDevice, graph: Graph): ExecutionProvider {
  const angles = device === "webgpu" ? angleNodes(graph) : [];
  return angles.length === 0 ? device : { name: device, forceCpuNodeNames: angles };
}

/** Sines and cosines, whose error on a GPU grows with the angle, and what computes their angles: a few numbers each. */
function angleNodes({ nodes }: Graph): string[] {
  const wanted = new Set<Value | undefined>();
  const names: string[] = [];
  for (const [i, node] of [...nodes.entries()].reverse()) {
    const isAngle = node.outputs.some((output) => wanted.has(output));
    if (!isAngle && node.op !== "Sin" && node.op !== "Cos") continue;
    names.push(nodeName(node, i));
    for (const input of node.inputs) wanted.add(input);
  }
  return names.reverse();
}

/** Results of a probe that count as 0. */
const ROUNDING = 1e-3;

/** Whether `graph`, a difference of equal things, runs and gives 0. */
async function holds(device: NodeDevice, graph: Graph, place: Place): Promise<boolean> {
  try {
    const differences = await runProbe(device, graph, place);
    return differences.every((difference) => Math.abs(difference) < ROUNDING);
  } catch {
    return false;
  }
}

function sum(): Graph {
  const builder = graphBuilder("probe");
  const x = builder.input("x", "F32", [4]);
  return builder.finish({ y: add(x, x) });
}

function halfDifference(): Graph {
  const builder = graphBuilder("half_probe");
  const x = builder.input("x", "F32", [64]);
  const half = cast(x, "F16", DTYPES.F16.onnxType);
  return builder.finish({ y: subtract(cast(add(half, half), "F32", DTYPES.F32.onnxType), add(x, x)) });
}

/** Attention of 64 positions over themselves in one operation, less the same in several. */
function attentionDifference(): Graph {
  const builder = graphBuilder("attention_probe");
  const x = builder.input("x", "F32", [1, 64, 80]);
  const [fused, apart] = [multiHeadAttention(x, x, x, 2), multiHeadAttention(x, x, x, 2)];
  const graph = builder.finish({ y: subtract(fused, apart) });
  const [first, ...others] = graph.nodes;
  const rest = splitAttention({ ...graph, nodes: others });
  return { ...rest, nodes: first === undefined ? [] : [first, ...rest.nodes] };
}

/** The results for numbers of [-1, 1]. */
async function runProbe(device: NodeDevice, graph: Graph, place: Place): Promise<readonly number[]> {
  const model = writeModel(graph);
  const options = { executionProviders: [device], logSeverityLevel: SILENT };
  await using session = await openSession(place, graph, { model, options, keep: [] });
  const dims = graph.inputs.get("x")?.shape ?? [];
  const data = Float32Array.from({ length: elementCount(dims) }, (_, i) => Math.sin(i * i));
  const { y } = await session.run({ x: { data, dims } });
  return y === undefined ? [] : [...(await y.read()).data].map(Number);
}
