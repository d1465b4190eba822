import type { Graph } from "../../onnx/graph.ts";
import { writeModelInTurns } from "../../onnx/protobuf/model.ts";
import { weightsFirst } from "../../onnx/weights-first.ts";
import { inTurns, pause } from "../../tensor/in-turns.ts";
import { memorySettings } from "../sessions/memory-settings.ts";
import { type OpenedSession, openSession } from "../sessions/opened-session.ts";
import type { Place } from "../sessions/place.ts";
import { packedWeights } from "./weights.ts";

/** What ONNX Runtime Web runs on. */
export type WebDevice = "webgpu" | "wasm";

/** ONNX Runtime's level for fatal errors alone. */
const SILENT = 4;

/** How a graph is opened. */
export interface WebOpenSettings {
  readonly device: WebDevice;
  /** Whether half-precision weights stay so in memory and are widened whenever they are used. */
  readonly sparing: boolean;
  /** Whether ONNX Runtime reads weights from a Blob one after the other. */
  readonly lazily: boolean;
  /** Results that stay on the GPU. */
  readonly keep?: readonly string[] | undefined;
  /** Whether the GPU's commands are recorded once and played again, for what runs often. */
  readonly captured?: boolean;
}

/** Opens `graph` as one session. */
export async function openWebGraph(
  graph: Graph,
  { device, sparing, lazily, keep = [], captured = false }: WebOpenSettings,
  place: Place,
): Promise<OpenedSession> {
  const { locate, files } = await packedWeights(graph, lazily);
  await pause(); // after what has made the graph
  const model = await inTurns(writeModelInTurns(sparing ? weightsFirst(graph) : graph, locate));
  const memory = memorySettings(graph, sparing);
  try {
    const options = {
      executionProviders: [{ name: device }], // as a text, ONNX Runtime drops what is asked of the provider
      ...memory.options,
      logSeverityLevel: SILENT, // what goes wrong is thrown
      ...(device === "webgpu" ? { preferredOutputLocation: outputLocations(graph, keep) } : {}),
      ...(captured ? { enableGraphCapture: true, kept: keep } : {}),
      ...(device === "wasm" ? { extra: { session: memory.session } } : {}),
    };
    return await openSession(place, graph, { model, weights: files, options, keep });
  } catch (cause) {
    throw new Error(`Cannot load graph "${graph.name}" into ONNX Runtime`, { cause });
  }
}

/** Where ONNX Runtime leaves each result. */
function outputLocations(graph: Graph, keep: readonly string[]): Readonly<Record<string, "cpu" | "gpu-buffer">> {
  const names = [...graph.outputs.keys()];
  return Object.fromEntries(names.map((name) => [name, keep.includes(name) ? "gpu-buffer" : "cpu"]));
}
