import type { Graph, GraphNode, Value } from "../onnx/graph.ts";
import { sizeOf } from "../onnx/ops.ts";
import { constantNodes } from "../onnx/subgraph.ts";
import { widenedBytes } from "../onnx/weights.ts";
import { isWinogradConv, pointsOf, type WinogradForm, withWinograd } from "../onnx/winograd.ts";
import { elementCount } from "../tensor/tensor.ts";

/** How convolutions may be computed: as they are written, to the last bit, or by fewer multiplications where that is faster. */
export const CONVOLUTIONS = ["direct", "winograd"] as const;

export type Convolutions = (typeof CONVOLUTIONS)[number];

/** Channels on either side below which transforming tiles takes what the products save. */
const LEAST_CHANNELS = 128;
/** Results of a channel below which too few tiles are multiplied at a time. */
const LEAST_POSITIONS = 32 * 32;
/** Multiplications below which a convolution is not worth the nodes. */
const LEAST_MACS = 1e9;
/** A transformed kernel has 36 numbers in place of 9, or 25 in place of 4: the most that they add to a graph, of its weights in float32 or in bytes. */
const MOST_ADDED = { share: 0.3, bytes: 448 * 2 ** 20 };
/** Tiles that are transformed together, so that they stay in the processor's cache on their way. */
const TILES_TOGETHER = 256;
const TILE = 4;

/**
 * `graph` with its large 3×3 and 2×2 convolutions by Winograd's algorithm, those with the most results for their weights first,
 * until the weights have grown by what they may (docs/performance.md has what it gains by size).
 */
export function withConvolutions(graph: Graph, how: Convolutions): Graph {
  if (how === "direct") return graph;
  const constants = new Set<Value>(graph.initializers.keys());
  for (const node of constantNodes(graph)) for (const output of node.outputs) constants.add(output);
  const worth = graph.nodes.filter((node) => isWinogradConv(node, (value) => constants.has(value)) && isWorthIt(node));
  const chosen = new Set<GraphNode>();
  let left = Math.max(MOST_ADDED.bytes, MOST_ADDED.share * widenedBytes(graph));
  for (const node of worth.toSorted((a, b) => positionsOf(b) - positionsOf(a))) {
    const added = addedBytes(node);
    if (added > left) continue;
    left -= added;
    chosen.add(node);
  }
  return chosen.size === 0 ? graph : withWinograd(graph, (node) => (chosen.has(node) ? formOf(node) : undefined));
}

function isWorthIt(node: GraphNode): boolean {
  const [outer, inner] = channelsOf(node);
  return (
    Math.min(outer, inner) >= LEAST_CHANNELS &&
    positionsOf(node) >= LEAST_POSITIONS &&
    tapsOf(node) ** 2 * outer * inner * positionsOf(node) >= LEAST_MACS
  );
}

function formOf({ outputs: [result] }: GraphNode): WinogradForm | undefined {
  if (result === undefined) return undefined;
  const [down, across] = [Math.ceil(sizeOf(result, 2) / TILE), Math.ceil(sizeOf(result, 3) / TILE)];
  return { down, across, rows: Math.min(down, Math.max(1, Math.round(TILES_TOGETHER / across))) };
}

/** Channels that come out of a convolution and that go into it. */
const channelsOf = ({ inputs: [, weight] }: GraphNode): readonly [number, number] =>
  weight === undefined ? [0, 0] : [sizeOf(weight, 0), sizeOf(weight, 1)];

/** Of a kernel, in each direction. */
const tapsOf = ({ inputs: [, weight] }: GraphNode): number => (weight === undefined ? 0 : sizeOf(weight, 2));

const positionsOf = ({ outputs: [result] }: GraphNode): number =>
  result === undefined ? 0 : elementCount(result.shape.slice(2));

function addedBytes(node: GraphNode): number {
  const [outer, inner] = channelsOf(node);
  const taps = tapsOf(node);
  return (pointsOf(taps) - taps * taps) * outer * inner * Float32Array.BYTES_PER_ELEMENT;
}
