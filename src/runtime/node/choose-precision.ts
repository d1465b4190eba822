import { createHash } from "node:crypto";
import { availableParallelism, cpus } from "node:os";
import type { Graph } from "../../onnx/graph.ts";
import { isOpenVinoDevice } from "../openvino/device.ts";
import { openVinoPrecisions, openVinoVersion } from "../openvino/examine.ts";
import type { Precision } from "../precision.ts";
import { checkDevice, type NodeDevice } from "./device.ts";
import { nodeRuntime } from "./node.ts";
import { onnxRuntimePackage } from "./onnxruntime.ts";
import { gainsOver } from "./precision-trial.ts";
import { processorUnits } from "./processor-units.ts";
import type { WeightFolder } from "./weights/kept-weights.ts";

/** What may be asked for: a precision, or the one that the machine gains from. */
export type PrecisionChoice = Precision | "auto";

/** What `auto` came to. */
export interface ChosenPrecision {
  readonly precision: Precision;
  /** How many times as fast as float32 each other precision was that the device has. */
  readonly gains: Readonly<Partial<Record<Precision, number>>>;
  /** Whether it was measured now, rather than by an earlier run on this machine. */
  readonly measured: boolean;
}

/** What is asked, and where answers are kept. */
export interface PrecisionQuestion {
  readonly device?: NodeDevice | undefined;
  readonly threads?: number | undefined;
  /** Measures anew every time where left out. */
  readonly folder?: WeightFolder | undefined;
  readonly now?: (() => number) | undefined;
  readonly signal?: AbortSignal | undefined;
  /** What is timed: layers of about the sizes that networks have where left out. */
  readonly block?: Graph | undefined;
}

/** A gain from which a narrower precision is worth what it changes. */
export const WORTHWHILE_GAIN = 1.3;

/**
 * The precision that is worth it on this machine: another than float32 only where a block of layers runs at least
 * `WORTHWHILE_GAIN` times as fast. Measured once for each machine, device, number of threads and version of what computes.
 */
export async function choosePrecision({
  device = "cpu",
  threads,
  folder,
  now = () => performance.now(),
  signal,
  block,
}: PrecisionQuestion): Promise<ChosenPrecision> {
  checkDevice(device);
  const { plain, others } = candidates(device);
  if (!plain) return { precision: others[0] ?? "float32", gains: {}, measured: false };
  if (others.length === 0) return { precision: "float32", gains: {}, measured: false };
  const file = `precision-${fingerprint(device, threads, others)}.json`;
  const known = folder === undefined ? undefined : await kept(folder, file, others);
  if (known !== undefined) return { precision: best(known), gains: known, measured: false };
  const runtime = (precision: Precision) =>
    nodeRuntime({ device, precision, ...(threads === undefined ? {} : { threads }) });
  const measured = await gainsOver(runtime("float32"), others.map(runtime), { now, signal, block });
  const gains = Object.fromEntries(others.map((name, i) => [name, measured[i] ?? 0]));
  // Where nothing can be kept, as on a read-only disk, the next run measures again.
  await folder?.write(file, [new TextEncoder().encode(`${JSON.stringify({ gains })}\n`)]).catch(() => {});
  return { precision: best(gains), gains, measured: true };
}

type Gains = ChosenPrecision["gains"];

/** The fastest one that is worth it. */
export function best(gains: Gains): Precision {
  const worthwhile = (Object.entries(gains) as [Precision, number][]).filter(([, gain]) => gain >= WORTHWHILE_GAIN);
  return worthwhile.toSorted(([, a], [, b]) => b - a)[0]?.[0] ?? "float32";
}

/** What a device may compute networks in beside float32, and whether it has float32 at all. */
function candidates(device: NodeDevice): { readonly plain: boolean; readonly others: readonly Precision[] } {
  if (device === "cpu") return { plain: true, others: ["int8"] };
  if (!isOpenVinoDevice(device)) return { plain: true, others: [] };
  const offered = openVinoPrecisions(device);
  const others = offered.filter((name) => name !== "float32");
  return { plain: offered.includes("float32"), others };
}

/** Names what a measurement holds for. */
function fingerprint(device: NodeDevice, threads: number | undefined, others: readonly Precision[]): string {
  const version = isOpenVinoDevice(device) ? openVinoVersion() : onnxRuntimePackage().version;
  const machine = [cpus()[0]?.model, processorUnits(), availableParallelism(), process.arch];
  const whole = JSON.stringify([FORMAT, machine, device, version, threads ?? null, others]);
  return createHash("sha256").update(whole).digest("hex").slice(0, 16);
}

/** Of what is measured: another block or another way takes another number. */
const FORMAT = 1;

/** What an earlier run measured; undefined where there is none, or it cannot be read. */
async function kept(folder: WeightFolder, file: string, others: readonly Precision[]): Promise<Gains | undefined> {
  try {
    if ((await folder.kind(file)) !== "file") return undefined;
    const source = await folder.open(file);
    return source.size > MOST_BYTES ? undefined : gainsIn(await source.read(0, source.size), others);
  } catch {
    return undefined;
  }
}

/** Of a file of measurements. */
const MOST_BYTES = 4096;

/** The gains of `others` in a file of measurements; undefined where it does not tell all of them. */
export function gainsIn(bytes: Uint8Array, others: readonly Precision[]): Gains | undefined {
  let measured: unknown;
  try {
    measured = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
  const gains = Object(Object(measured)["gains"]) as Readonly<Record<string, unknown>>;
  const found = others.map((name) => [name, gains[name]] as const);
  return found.every(([, gain]) => Number.isFinite(gain)) ? Object.fromEntries(found) : undefined;
}
