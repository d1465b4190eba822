import { realpathSync } from "node:fs";
import { basename, dirname } from "node:path";
import type { InferenceSession } from "onnxruntime-node";
import type { ExternalData, Graph } from "../../onnx/graph.ts";
import type { Locate } from "../../onnx/protobuf/model.ts";

/** Where ONNX Runtime finds the weights of a graph. */
export interface WeightFiles {
  readonly locate: Locate;
  /** The folder of weights on disk, which it maps into memory; undefined where there are none. */
  readonly folder: string | undefined;
  /** Weights that lie on no disk, under the names that `locate` gives. */
  readonly bytes: NonNullable<InferenceSession.SessionOptions["externalData"]>;
}

/** Finds the weights of `graph`: on disk if they are there, and in memory what is anywhere else. */
export async function weightFiles(graph: Graph): Promise<WeightFiles> {
  const realPaths = new Map<string, string>();
  const elsewhere = new Map<ExternalData, string>();
  for (const initializer of graph.initializers.values()) {
    if (initializer.kind !== "weight" || initializer.data === undefined) continue;
    const { path } = initializer.data.source;
    if (path === undefined) elsewhere.set(initializer.data, `bytes-${elsewhere.size}`);
    else if (!realPaths.has(path)) realPaths.set(path, resolveWeights(graph, path));
  }
  return {
    locate(data) {
      const { path } = data.source;
      if (path === undefined) return { location: elsewhere.get(data) ?? "", offset: 0 };
      return { location: basename(realPaths.get(path) ?? path), offset: data.offset };
    },
    folder: oneFolder(graph, [...realPaths.values()]),
    bytes: await Promise.all(
      [...elsewhere].map(async ([{ source, offset, length }, path]) => ({
        path,
        data: await source.read(offset, length),
      })),
    ),
  };
}

/** The one folder that holds every file, links resolved: ONNX Runtime refuses paths and links that leave it. */
function oneFolder(graph: Graph, files: readonly string[]): string | undefined {
  const folders = [...new Set(files.map(dirname))];
  if (folders.length > 1) {
    const list = folders.map((folder) => `"${folder}"`).join(", ");
    throw new Error(`Cannot load graph "${graph.name}": its weights lie in ${list}, one folder is required`);
  }
  return folders[0];
}

function resolveWeights(graph: Graph, path: string): string {
  try {
    return realpathSync(path);
  } catch (cause) {
    throw new Error(`Cannot load graph "${graph.name}": its weights are not found at "${path}"`, { cause });
  }
}
