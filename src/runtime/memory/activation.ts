import { type Graph, type GraphNode, producers, type Value } from "../../onnx/graph.ts";
import { constantNodes } from "../../onnx/subgraph.ts";
import { DTYPES } from "../../tensor/dtype.ts";
import { elementCount } from "../../tensor/tensor.ts";
import { type ArenaChunk, arena } from "./arena.ts";

/** Bytes of a value as the graph describes it. */
export const valueBytes = ({ dtype, shape }: Value): number => elementCount(shape) * DTYPES[dtype].bytes;

/** How a session computes. */
export interface ComputeSettings {
  /** Whether what depends on weights alone is computed on loading rather than at every run. */
  readonly folded: boolean;
  /** Whether convolutions have a layout of their own. */
  readonly blocked: boolean;
  /** Whether a buffer waits in memory for the next result of its shape, rather than being given back; false where left out. */
  readonly waits?: boolean;
}

/** What a run of a graph takes besides what is loaded. */
export interface ActivationMemory {
  /** What ONNX Runtime's arena grows to; it gives nothing back. */
  readonly arena: number;
  /** Without that arena, the most at a time, with the holes that the C library's allocator leaves. */
  readonly passing: number;
  /** Of `passing`, the holes, which stay with the process. */
  readonly holes: number;
}

/** The C library gives back at once what is larger than this, and keeps the rest (glibc's `DEFAULT_MMAP_THRESHOLD_MAX`). */
export const LARGEST_KEPT = 32 * 2 ** 20;

interface Piece {
  readonly bytes: number;
  readonly inArena: ArenaChunk;
  /** None where the C library would map memory of its own for it. */
  readonly inHeap: ArenaChunk | undefined;
}

/** Goes through a run of `graph`, node by node, with every buffer in memory from its first result to the last reader of its last. */
export function activationMemory(graph: Graph, { folded, blocked, waits = false }: ComputeSettings): ActivationMemory {
  const [memory, heap] = [arena(), arena()];
  const order = runOrder(graph, folded);
  const buffers = plannedBuffers(graph, order, waits);
  const held = new Map<Buffer, Piece>();
  let [mapped, passing] = [0, 0];
  const take = (bytes: number): Piece => {
    const inHeap = bytes > LARGEST_KEPT ? undefined : heap.allocate(bytes);
    if (inHeap === undefined) mapped += bytes;
    passing = Math.max(passing, heap.touched() + mapped);
    return { bytes, inHeap, inArena: memory.allocate(bytes) };
  };
  const give = ({ bytes, inHeap, inArena }: Piece): void => {
    if (inHeap === undefined) mapped -= bytes;
    else heap.free(inHeap);
    memory.free(inArena);
  };
  for (const [i, node] of order.entries()) {
    for (const buffer of buffers.taken[i] ?? []) held.set(buffer, take(buffer.bytes));
    scratchOf(node, blocked).map(take).forEach(give);
    for (const buffer of buffers.given[i] ?? []) {
      const piece = held.get(buffer);
      held.delete(buffer);
      if (piece !== undefined) give(piece);
    }
  }
  return { arena: memory.touched(), passing, holes: heap.touched() };
}

/** Memory for one result after the other. */
interface Buffer {
  readonly bytes: number;
}

/** By node: the buffers that are taken before it runs, and those that are given back after it. */
interface PlannedBuffers {
  readonly taken: readonly (readonly Buffer[])[];
  readonly given: readonly (readonly Buffer[])[];
}

/**
 * A result that nobody reads any more gives its buffer back or, where buffers wait, leaves it to the next one of the same
 * shape and width, which keeps it in memory until then; one that has no next is given back there, too.
 */
function plannedBuffers(graph: Graph, order: readonly GraphNode[], waits: boolean): PlannedBuffers {
  const readers = readerCounts(graph, order);
  const sources = new Map<Value, Value>();
  const sourceOf = (value: Value): Value => sources.get(value) ?? value;
  const taken: Buffer[][] = order.map(() => []);
  const given: Buffer[][] = order.map(() => []);
  const holding = new Map<Value, Buffer>();
  const free = new Map<string, { readonly buffer: Buffer; readonly since: number }[]>();
  for (const [i, node] of order.entries()) {
    for (const output of node.outputs) {
      const [first] = node.inputs;
      if (node.op === "Reshape" && first !== undefined) {
        const source = sourceOf(first); // the same memory under another shape
        sources.set(output, source);
        readers.set(source, (readers.get(source) ?? 0) + (readers.get(output) ?? 0));
        continue;
      }
      const left = free.get(formOf(output))?.pop();
      const buffer = left?.buffer ?? { bytes: valueBytes(output) };
      if (left === undefined) taken[i]?.push(buffer);
      holding.set(output, buffer);
    }
    for (const input of node.inputs) {
      if (input === undefined) continue;
      const source = sourceOf(input);
      const count = (readers.get(source) ?? 0) - 1;
      readers.set(source, count);
      const buffer = holding.get(source);
      if (count > 0 || buffer === undefined) continue;
      holding.delete(source);
      const form = formOf(source);
      if (waits) free.set(form, [...(free.get(form) ?? []), { buffer, since: i }]);
      else given[i]?.push(buffer);
    }
  }
  for (const { buffer, since } of [...free.values()].flat()) given[since]?.push(buffer);
  return { taken, given };
}

const formOf = ({ dtype, shape }: Value): string => `${DTYPES[dtype].bytes}:${shape}`;

/** What an operation has in memory while it runs, besides inputs and outputs. */
function scratchOf({ op, inputs, outputs }: GraphNode, blocked: boolean): number[] {
  const [first, second, third] = inputs;
  // Queries, keys and values are laid out by heads.
  if (op === "MultiHeadAttention") return [first, second, third].flatMap((value) => (value ? [valueBytes(value)] : []));
  // What a convolution reads and gives is there in both layouts at its borders.
  if (op === "Conv" && !blocked) return unfolded(first, second, outputs[0]);
  if (op === "Conv") return [...(first ? [valueBytes(first)] : []), ...outputs.map(valueBytes)];
  return [];
}

/** Where a convolution has more filters than positions, MLAS copies what every position sees (`ExpandThenGemm`). */
function unfolded(input: Value | undefined, kernel: Value | undefined, output: Value | undefined): number[] {
  const [filters = 0, ...seen] = kernel?.shape ?? [];
  const positions = elementCount(output?.shape.slice(2) ?? []);
  if (input === undefined || filters <= positions || elementCount(seen) === seen[0]) return [];
  return [positions * elementCount(seen) * DTYPES[input.dtype].bytes];
}

/** The nodes that a run computes; those that convert weights right before whoever needs them first. */
function runOrder(graph: Graph, folded: boolean): readonly GraphNode[] {
  const constants = constantNodes(graph);
  const others = graph.nodes.filter((node) => !constants.has(node));
  if (folded) return others;
  const producer = producers(graph);
  const order = new Set<GraphNode>();
  const add = (node: GraphNode): void => {
    for (const input of node.inputs) {
      const before = input && producer.get(input);
      if (before !== undefined && constants.has(before) && !order.has(before)) add(before);
    }
    order.add(node);
  };
  others.forEach(add);
  return [...order];
}

/** How often values are read; results of the graph outlive it. */
function readerCounts({ outputs }: Graph, nodes: readonly GraphNode[]): Map<Value, number> {
  const counts = new Map<Value, number>([...outputs.values()].map((value) => [value, 1]));
  for (const input of nodes.flatMap((node) => node.inputs)) {
    if (input !== undefined) counts.set(input, (counts.get(input) ?? 0) + 1);
  }
  return counts;
}
