import { createHash } from "node:crypto";
import { isComputedFromOthers } from "../../../onnx/computed-weights.ts";
import {
  type Graph,
  type GraphNode,
  type Initializer,
  producers,
  type Value,
  type WeightSource,
} from "../../../onnx/graph.ts";
import { withGivenWeights } from "../../../onnx/passes/given-weights.ts";
import { int8Weights } from "../../../onnx/passes/int8.ts";
import { writeModel } from "../../../onnx/protobuf/model.ts";
import { ancestors, constantNodes } from "../../../onnx/subgraph.ts";
import { DTYPES } from "../../../tensor/dtype.ts";
import { elementCount } from "../../../tensor/tensor.ts";
import { memorySettings } from "../../sessions/memory-settings.ts";
import type { Place } from "../../sessions/place.ts";
import { type OpenSettings, openGraph } from "../open-graph.ts";

/** A folder for weights that were computed once. */
export interface WeightFolder {
  kind(path: string): Promise<"file" | "folder" | undefined>;
  open(path: string): Promise<WeightSource & { readonly size: number }>;
  /** Puts a file there that appears only once all of `pieces` are in it. */
  write(path: string, pieces: Iterable<Uint8Array>): Promise<void>;
}

/** Where weights are kept, and who wants to know how far computing them has come. */
export interface WeightKeeping {
  readonly folder: WeightFolder;
  readonly onProgress?: ((progress: { readonly written: number; readonly total: number }) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Weights that are computed at a time, in bytes of float32. */
const AT_A_TIME = 16 * 2 ** 20;
/** Where the scales begin in a file, behind the values. */
const ALIGNMENT = 64;

/** The weight of a layer in whole numbers, and where it is kept. */
interface Layer {
  readonly values: Value;
  readonly scale: Value;
  /** What computes both. */
  readonly nodes: ReadonlySet<GraphNode>;
  readonly file: string;
  readonly length: number;
  readonly scaleAt: number;
  readonly size: number;
}

/**
 * `graph` with the weights of its int8 layers read from files in `folder`; those that are not there yet are computed first,
 * a few at a time. A file's name tells the bytes that it was computed from and how. Weights stay as they are where they lie
 * in no file, or are computed from several, as with a LoRA.
 */
export async function withKeptWeights(
  graph: Graph,
  { folder, onProgress, signal }: WeightKeeping,
  settings: OpenSettings,
  place: Place,
): Promise<Graph> {
  const layers = layersOf(graph);
  if (layers.length === 0) return graph;
  const missing: Layer[] = [];
  for (const layer of layers) if (!(await isThere(folder, layer))) missing.push(layer);
  const total = missing.reduce((sum, { size }) => sum + size, 0);
  let written = 0;
  for (const group of grouped(missing)) {
    signal?.throwIfAborted();
    const computed = await compute(graph, group, settings, place);
    for (const [i, layer] of group.entries()) {
      const pieces = computed[i] ?? [];
      await folder.write(layer.file, pieces);
      release(pieces);
      written += layer.size;
      onProgress?.({ written, total });
    }
  }
  const kept = new Map<Value, Initializer>();
  for (const { file, values, scale, length, scaleAt, size } of layers) {
    const source = await folder.open(file);
    kept.set(values, { kind: "weight", name: file, data: { source, offset: 0, length } });
    kept.set(scale, { kind: "weight", name: file, data: { source, offset: scaleAt, length: size - scaleAt } });
  }
  return withGivenWeights(graph, kept);
}

/** The int8 layers of `graph` whose weights are those of one place in one file each. */
function layersOf(graph: Graph): readonly Layer[] {
  const constants = constantNodes(graph);
  const producer = new Map([...producers(graph)].filter(([, node]) => constants.has(node)));
  const found = new Map<Value, Layer>();
  for (const { values, scale } of int8Weights(graph)) {
    if (found.has(values)) continue;
    const nodes = ancestors([values, scale], producer);
    if (nodes.size === 0 || isComputedFromOthers(nodes)) continue;
    const file = fileFor(graph, { values, scale, nodes });
    if (file === undefined) continue;
    const length = bytesOf(values);
    const scaleAt = ALIGNMENT * Math.ceil(length / ALIGNMENT);
    found.set(values, { values, scale, nodes, file, length, scaleAt, size: scaleAt + bytesOf(scale) });
  }
  return [...found.values()];
}

const bytesOf = ({ dtype, shape }: Value): number => elementCount(shape) * DTYPES[dtype].bytes;

/** A name that says what is computed of which bytes of which version of a file; undefined where that cannot be told. */
function fileFor(
  graph: Graph,
  { values, scale, nodes }: Pick<Layer, "values" | "scale" | "nodes">,
): string | undefined {
  const read = [...nodes].flatMap(({ inputs }) => inputs.flatMap((input) => input ?? []));
  for (const input of read) {
    const initializer = graph.initializers.get(input);
    if (initializer?.kind !== "weight") continue;
    const { source } = initializer.data ?? {};
    if (source?.identity === undefined || source.path === undefined) return undefined;
  }
  const alone = partOf(graph, [{ values, scale, nodes }]);
  const described = writeModel(alone, ({ source, offset }) => ({ location: source.identity ?? "", offset }));
  return `${createHash("sha256").update(described).digest("hex").slice(0, 32)}.int8`;
}

/** What computes the weights of `layers`, as a graph without inputs. */
function partOf(graph: Graph, layers: readonly Pick<Layer, "values" | "scale" | "nodes">[]): Graph {
  const nodes = new Set(layers.flatMap((layer) => [...layer.nodes]));
  const outputs = layers.flatMap(({ values, scale }, i) => [
    [`values_${i}`, values] as const,
    [`scale_${i}`, scale] as const,
  ]);
  const own = graph.nodes.filter((node) => nodes.has(node));
  const read = new Set(own.flatMap(({ inputs }) => inputs));
  return {
    name: "int8_weights",
    inputs: new Map(),
    outputs: new Map(outputs),
    nodes: own,
    initializers: new Map([...graph.initializers].filter(([value]) => read.has(value))),
  };
}

/** Gives memory back at once, for which a collector of garbage might wait. */
function release(pieces: readonly Uint8Array[]): void {
  structuredClone(undefined, { transfer: pieces.map(({ buffer }) => buffer as ArrayBuffer) });
}

async function isThere(folder: WeightFolder, { file, size }: Layer): Promise<boolean> {
  return (await folder.kind(file)) === "file" && (await folder.open(file)).size === size;
}

function grouped(layers: readonly Layer[]): readonly Layer[][] {
  const groups: Layer[][] = [];
  let left = 0;
  for (const layer of layers) {
    if (left <= 0) {
      groups.push([]);
      left = AT_A_TIME;
    }
    groups.at(-1)?.push(layer);
    left -= elementCount(layer.values.shape) * Float32Array.BYTES_PER_ELEMENT;
  }
  return groups;
}

/** The files of `layers`, in pieces. */
async function compute(
  graph: Graph,
  layers: readonly Layer[],
  settings: OpenSettings,
  place: Place,
): Promise<readonly (readonly Uint8Array[])[]> {
  const part = partOf(graph, layers);
  await using session = await openGraph(part, { ...settings, memory: memorySettings(part, true) }, place);
  const results = await session.run({});
  const bytes = async (name: string): Promise<Uint8Array> => {
    const result = results[name];
    if (result === undefined) throw new Error(`Cannot compute weights of graph "${graph.name}": "${name}" is missing`);
    const { data } = await result.read();
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  };
  return await Promise.all(
    layers.map(async ({ length, scaleAt }, i) => [
      await bytes(`values_${i}`),
      new Uint8Array(scaleAt - length),
      await bytes(`scale_${i}`),
    ]),
  );
}
