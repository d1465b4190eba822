import { machinePeak } from "../../benchmark/machine-peak.ts";
import { graphBuilder } from "../../onnx/graph.ts";
import { add } from "../../onnx/ops.ts";
import { type ChosenPrecision, choosePrecision } from "../../runtime/node/choose-precision.ts";
import type { NodeDevice } from "../../runtime/node/device.ts";
import { nodeRuntime } from "../../runtime/node/node.ts";
import type { WeightFolder } from "../../runtime/node/weights/kept-weights.ts";
import { choiceText } from "../settle-precision.ts";

/** What trying and timing a machine came to. */
export interface MeasuredMachine {
  /** Of every device, null where it can be used, else why not. */
  readonly devices: Readonly<Record<string, string | null>>;
  /** Of a matrix product and a convolution in float32 on the CPU, 10⁹ operations a second. */
  readonly float32: Rates;
  /** The same in int8, what is multiplied scaled anew every time. */
  readonly int8: Rates;
  /** What `--precision auto` comes to, device by device. */
  readonly auto: Readonly<Record<string, ChosenPrecision>>;
}

interface Rates {
  readonly product: number;
  readonly convolution: number;
}

/** Tries `devices`, and times the CPU in both precisions through the same runtime as networks. */
export async function measureMachine(
  devices: readonly string[],
  folder: WeightFolder,
  signal: AbortSignal,
): Promise<MeasuredMachine> {
  const tried: Record<string, string | null> = {};
  // The CPU last: with it, ONNX Runtime begins to log what goes wrong elsewhere, which is told in words here.
  for (const device of devices.toSorted((a, b) => Number(a === "cpu") - Number(b === "cpu")))
    tried[device] = await failureOf(device as NodeDevice, signal);
  const rates = async (precision: "float32" | "int8"): Promise<Rates> => {
    const runtime = nodeRuntime({ precision, convolutions: "direct" });
    const options = {
      now: () => performance.now(),
      signal,
      matrix: 1280,
      channels: 320,
      size: 32,
      keys: 512,
      repeat: 5,
      narrow: precision !== "float32",
    };
    const { gemmGflops, convGflops } = await machinePeak(runtime, options);
    return { product: gemmGflops, convolution: convGflops };
  };
  const auto: Record<string, ChosenPrecision> = {};
  for (const device of ["cpu", "openvino"] as const) {
    if (tried[device] === null) auto[device] = await choosePrecision({ device, folder, signal });
  }
  return { devices: tried, float32: await rates("float32"), int8: await rates("int8"), auto };
}

/** Why a sum cannot be computed on a device; null where it can. */
async function failureOf(device: NodeDevice, signal: AbortSignal): Promise<string | null> {
  try {
    const builder = graphBuilder("tried");
    const x = builder.input("x", "F32", [4]);
    await using session = await nodeRuntime({ device }).load(builder.finish({ y: add(x, x) }), { signal });
    const { y } = await session.run({ x: { data: new Float32Array(4).fill(1), shape: [4] } });
    using result = y;
    const sum = await result?.download();
    return sum?.data[0] === 2 ? null : `it computes ${sum?.data[0]} for 1 + 1`;
  } catch (error) {
    if (signal.aborted) throw error;
    return error instanceof Error ? error.message : String(error);
  }
}

/** The lines of `doctor` about what was measured. */
export function measuredText({ devices, float32, int8, auto }: MeasuredMachine): Readonly<Record<string, string>> {
  const rate = ({ product, convolution }: Rates): string =>
    `${product.toFixed(0)} Gop/s in a matrix product, ${convolution.toFixed(0)} in a convolution`;
  const tried = Object.entries(devices).map(([name, failure]) => (failure === null ? `${name} works` : `${failure}`));
  return {
    tried: tried.join("\n           "),
    float32: rate(float32),
    int8: rate(int8),
    auto: Object.entries(auto)
      .map(([device, chosen]) => `on ${device}, ${choiceText(chosen)}`)
      .join("\n           "),
  };
}
