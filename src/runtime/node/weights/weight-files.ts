import { realpathSync } from "node:fs";
import { dirname, parse, relative, sep } from "node:path";
import type { ExternalData, Graph } from "../../../onnx/graph.ts";
import type { Locate } from "../../../onnx/protobuf/model.ts";
import type { WeightBytes } from "../../sessions/opened-session.ts";

/** Where ONNX Runtime finds the weights of a graph. */
export interface WeightFiles {
  readonly locate: Locate;
  /** The folder of the files that it maps into memory; undefined where there are none. */
  readonly folder: string | undefined;
  /** Weights in memory, under the names that `locate` gives. */
  readonly bytes: readonly WeightBytes[];
}

/**
 * Finds the weights of `graph`. Where some lie on no disk, ONNX Runtime is given all of them in memory: it looks for those
 * of one graph in one way.
 */
export async function weightFiles(graph: Graph): Promise<WeightFiles> {
  const weights = [...graph.initializers.values()].flatMap((initializer) =>
    initializer.kind === "weight" && initializer.data !== undefined ? [initializer.data] : [],
  );
  return weights.every(({ source }) => source.path !== undefined) ? onDisk(graph, weights) : await inMemory(weights);
}

function onDisk(graph: Graph, weights: readonly ExternalData[]): WeightFiles {
  const paths = new Set(weights.flatMap(({ source }) => source.path ?? []));
  const realPaths = new Map([...paths].map((path) => [path, resolveWeights(graph, path)]));
  const folder = commonFolder(graph, [...realPaths.values()]);
  const locationOf = (file: string): string =>
    folder === undefined ? file : relative(folder, file).replaceAll(sep, "/");
  const locations = new Map([...realPaths].map(([path, file]) => [path, locationOf(file)]));
  return {
    locate: ({ source: { path = "" }, offset }) => ({ location: locations.get(path) ?? locationOf(path), offset }),
    folder,
    bytes: [],
  };
}

async function inMemory(weights: readonly ExternalData[]): Promise<WeightFiles> {
  const names = new Map(weights.map((data, i) => [data, `weight-${i}`]));
  const bytes = [...names].map(async ([{ source, offset, length }, path]) => {
    return { path, data: await source.read(offset, length) };
  });
  return {
    locate: (data) => ({ location: names.get(data) ?? "", offset: 0 }),
    folder: undefined,
    bytes: await Promise.all(bytes),
  };
}

/** The innermost folder that every file is below, links resolved: ONNX Runtime refuses paths and links that leave it. */
function commonFolder(graph: Graph, files: readonly string[]): string | undefined {
  const [first, ...others] = files;
  if (first === undefined) return undefined;
  const { root } = parse(first);
  const apart = others.find((file) => parse(file).root !== root);
  if (apart !== undefined) {
    throw new Error(
      `Cannot load graph "${graph.name}": its weights lie at "${first}" and "${apart}", one drive is required`,
    );
  }
  let folder = dirname(first);
  const isBelow = (file: string): boolean => folder === root || file.startsWith(folder + sep);
  while (!others.every(isBelow)) folder = dirname(folder);
  return folder;
}

function resolveWeights(graph: Graph, path: string): string {
  try {
    return realpathSync(path);
  } catch (cause) {
    throw new Error(`Cannot load graph "${graph.name}": its weights are not found at "${path}"`, { cause });
  }
}
