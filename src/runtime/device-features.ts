import { type Graph, graphBuilder } from "../onnx/graph.ts";
import { add, cast, multiHeadAttention, subtract } from "../onnx/ops.ts";
import { splitAttention } from "../onnx/passes/split-attention.ts";
import { DTYPES } from "../tensor/dtype.ts";
import { elementCount } from "../tensor/tensor.ts";

/** What a device can do. */
export interface DeviceFeatures {
  /** Whether its ONNX Runtime computes attention in one operation, and rightly. */
  readonly fusedAttention: boolean;
  /** Whether its shaders may use float16, WebGPU's feature `shader-f16`. */
  readonly half: boolean;
  /** Whether it takes half-precision weights and widens them as they are needed. */
  readonly halfWeights: boolean;
  /** Whether its ONNX Runtime has a kernel for `FusedMatMul`, so that linear layers need no other form. */
  readonly fusedProducts: boolean;
  /** Whether it computes with whole numbers, and sines of large angles rightly. */
  readonly exactNumbers: boolean;
  /** Whether its commands can be recorded once and played again; not where left out. */
  readonly capture?: boolean;
}

/** What a CPU can do. */
export const CPU_FEATURES: DeviceFeatures = {
  fusedAttention: true,
  half: false,
  halfWeights: true,
  fusedProducts: true,
  exactNumbers: true,
};

/** Runs a graph on a device; gives the result "y" for the input "x". */
export type Trial = (graph: Graph, x: Float32Array, shape: readonly number[]) => Promise<readonly number[]>;

/** Runs a sum: rejects where a device can do nothing. */
export async function tryDevice(trial: Trial): Promise<void> {
  await runTrial(trial, sum());
}

/** Whether a device, however it is run, gives the sums that it should. */
export async function givesSums(trial: Trial): Promise<boolean> {
  try {
    const x = Float32Array.of(1, -2, 3.5, 0);
    const sums = await trial(sum(), x, [x.length]);
    return sums.length === x.length && sums.every((value, i) => value === 2 * (x[i] ?? 0));
  } catch {
    return false;
  }
}

/** Finds out by trying whether a device computes attention in one operation, and rightly. */
export const hasFusedAttention = (trial: Trial): Promise<boolean> => holds(trial, attentionDifference());

/** Finds out by trying whether a device computes in float16, where there is no way to ask. */
export const hasHalf = (trial: Trial): Promise<boolean> => holds(trial, halfDifference());

/** Results of a trial that count as 0. */
const ROUNDING = 1e-3;

/** Whether `graph`, a difference of equal things, runs and gives 0. */
async function holds(trial: Trial, graph: Graph): Promise<boolean> {
  try {
    const differences = await runTrial(trial, graph);
    return differences.every((difference) => Math.abs(difference) < ROUNDING);
  } catch {
    return false;
  }
}

/** The results for numbers of [-1, 1]. */
async function runTrial(trial: Trial, graph: Graph): Promise<readonly number[]> {
  const shape = graph.inputs.get("x")?.shape ?? [];
  return await trial(
    graph,
    Float32Array.from({ length: elementCount(shape) }, (_, i) => Math.sin(i * i)),
    shape,
  );
}

/** A graph that every device runs. */
export function sum(): Graph {
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
