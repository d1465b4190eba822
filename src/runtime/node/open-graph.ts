import { realpathSync } from "node:fs";
import { basename, dirname } from "node:path";
import type { Graph } from "../../onnx/graph.ts";
import { writeModel } from "../../onnx/protobuf/model.ts";
import { weightsFirst } from "../../onnx/weights-first.ts";
import type { MemorySettings } from "../memory/memory-settings.ts";
import { executionProvider, type NodeDevice, SILENT } from "./device.ts";
import type { Open, OpenedSession } from "./opened-session.ts";

/** Where and how a graph is going to run. */
export interface OpenSettings {
  readonly device: NodeDevice;
  readonly threads: number | undefined;
  readonly memory: MemorySettings;
  /** Results that stay where the graph ran. */
  readonly keep?: readonly string[] | undefined;
}

/** Opens `graph` as one session, which reads its weights from their files. */
export async function openGraph(
  graph: Graph,
  { device, threads, memory, keep = [] }: OpenSettings,
  open: Open,
): Promise<OpenedSession> {
  const { folder, locate } = weightFiles(graph);
  const folded = memory.options.graphOptimizationLevel !== "disabled";
  const model = writeModel(folded ? graph : weightsFirst(graph), locate);
  try {
    return await open(model, {
      executionProviders: [executionProvider(device, graph)],
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
    });
  } catch (cause) {
    throw new Error(`Cannot load graph "${graph.name}" into ONNX Runtime`, { cause });
  }
}

/** Where ONNX Runtime leaves each result. */
function outputLocations(graph: Graph, keep: readonly string[]): Readonly<Record<string, "cpu" | "gpu-buffer">> {
  const names = [...graph.outputs.keys()];
  return Object.fromEntries(names.map((name) => [name, keep.includes(name) ? "gpu-buffer" : "cpu"]));
}

interface WeightFiles {
  /** None where the graph has no weights. */
  readonly folder: string | undefined;
  /** The name in `folder` of a weight file. */
  readonly locate: (path: string) => string;
}

/** The one folder that holds every weight file, links resolved: ONNX Runtime refuses paths and links that leave it. */
function weightFiles(graph: Graph): WeightFiles {
  const realPaths = new Map<string, string>();
  for (const initializer of graph.initializers.values()) {
    const path = initializer.kind === "weight" ? initializer.data?.path : undefined;
    if (path !== undefined && !realPaths.has(path)) realPaths.set(path, resolveWeights(graph, path));
  }
  const folders = [...new Set([...realPaths.values()].map(dirname))];
  if (folders.length > 1) {
    const list = folders.map((folder) => `"${folder}"`).join(", ");
    throw new Error(`Cannot load graph "${graph.name}": its weights lie in ${list}, one folder is required`);
  }
  return { folder: folders[0], locate: (path) => basename(realPaths.get(path) ?? path) };
}

function resolveWeights(graph: Graph, path: string): string {
  try {
    return realpathSync(path);
  } catch (cause) {
    throw new Error(`Cannot load graph "${graph.name}": its weights are not found at "${path}"`, { cause });
  }
}
