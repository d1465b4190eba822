import type { InferenceSession } from "onnxruntime-common";
import type { Graph } from "../../onnx/graph.ts";
import { writeModelInTurns } from "../../onnx/protobuf/model.ts";
import { weightsFirst } from "../../onnx/weights-first.ts";
import { inTurns, pause } from "../../tensor/in-turns.ts";
import type { MemorySettings } from "../sessions/memory-settings.ts";
import { type OpenedSession, openSession } from "../sessions/opened-session.ts";
import type { Place } from "../sessions/place.ts";
import { type NodeDevice, SILENT } from "./device.ts";
import { weightFiles } from "./weights/weight-files.ts";

/** Where and how a graph is going to run. */
export interface OpenSettings {
  readonly device: NodeDevice;
  readonly threads: number | undefined;
  readonly memory: MemorySettings;
  /** Results that stay where the graph ran. */
  readonly keep?: readonly string[] | undefined;
}

/** Opens `graph` as one session at `place`, which maps its weights from their files, or is given them where there are none. */
export async function openGraph(
  graph: Graph,
  { device, threads, memory, keep = [] }: OpenSettings,
  place: Place,
): Promise<OpenedSession> {
  const { folder, locate, bytes } = await weightFiles(graph);
  const folded = memory.options.graphOptimizationLevel !== "disabled";
  await pause(); // after what has made the graph
  const model = await inTurns(writeModelInTurns(folded ? graph : weightsFirst(graph), locate));
  try {
    const options = {
      executionProviders: [device],
      ...memory.options,
      logSeverityLevel: SILENT, // what goes wrong is thrown
      ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
      // Of ONNX Runtime's devices in Node, WebGPU is the only one whose memory JavaScript can hold on to.
      ...(device === "webgpu" ? { preferredOutputLocation: outputLocations(graph, keep) } : {}),
      extra: {
        session: {
          // Every session has threads of its own; those that spin after a run take the cores from the next session.
          force_spinning_stop: "1",
          ...(device === "cpu" ? memory.session : {}), // packing is the CPU's
          ...(folder === undefined ? {} : { model_external_initializers_file_folder_path: folder }),
        },
      },
    } satisfies InferenceSession.SessionOptions;
    return await openSession(place, graph, { model, weights: bytes, options, keep });
  } catch (cause) {
    throw new Error(`Cannot load graph "${graph.name}" into ONNX Runtime`, { cause });
  }
}

/** Where ONNX Runtime leaves each result. */
function outputLocations(graph: Graph, keep: readonly string[]): Readonly<Record<string, "cpu" | "gpu-buffer">> {
  const names = [...graph.outputs.keys()];
  return Object.fromEntries(names.map((name) => [name, keep.includes(name) ? "gpu-buffer" : "cpu"]));
}
