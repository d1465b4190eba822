import type { Graph } from "../../onnx/graph.ts";
import { withGivenWeights } from "../../onnx/passes/given-weights.ts";
import { int8Weights } from "../../onnx/passes/int8.ts";
import { withChangesBeside } from "../changes.ts";
import { type Convolutions, withConvolutions } from "../convolutions.ts";
import { piecesOf } from "../pieces.ts";
import { type Precision, withPrecision } from "../precision.ts";
import { openVinoMemory } from "./openvino.ts";
import { sessionMemory } from "./session.ts";
import { copiesWeights } from "./weight-copies.ts";

/** What a network takes in memory, all of its sessions together, in bytes. */
export interface NetworkMemory {
  /** Weights as they are computed with, and what allocators hold on to around them. */
  readonly weights: number;
  /** Weight files that are mapped. */
  readonly mapped: number;
  /** Results of operations at their most. */
  readonly results: number;
  /** Descriptions of the graphs. */
  readonly graphs: number;
  /** What the process keeps of it when it is released; networks that come later use it again. */
  readonly kept: number;
  /** From the end of its first run on until it is released. */
  readonly held: number;
  /** The most at any time, loading included. */
  readonly peak: number;
}

/** A node takes this much here, in the model that is written of it and in ONNX Runtime together. */
const NODE_BYTES = 12 * 1024;

/** A thread of JavaScript in which graphs, or a piece of one, are loaded has a heap of its own. */
export const THREAD_BYTES = 11 * 2 ** 20;

/** A graph to be loaded, and whether that is for a single run, as in `LoadOptions`. */
export interface PlannedSession {
  readonly graph: Graph;
  readonly once?: boolean;
  /** As there, too: whether the graph may be computed in another precision than float32. */
  readonly allowHalf?: boolean;
}

/** `graph` with its int8 weights as they come from the files in which they are kept. */
function withKept(graph: Graph): Graph {
  const kept = int8Weights(graph).flatMap(({ values, scale }) => [values, scale]);
  const described = kept.map((value) => [value, { kind: "weight", name: value.hint, data: undefined }] as const);
  return kept.length === 0 ? graph : withGivenWeights(graph, new Map(described));
}

/** Estimates a network that is loaded as `sessions`, one after the other, all on a CPU. */
export function networkMemory(
  sessions: readonly PlannedSession[],
  {
    lowMemory,
    convolutions = "winograd",
    precision = "float32",
    onOpenVino = false,
  }: {
    readonly lowMemory: boolean;
    readonly convolutions?: Convolutions | undefined;
    readonly precision?: Precision | undefined;
    /** Whether OpenVINO runs them, rather than ONNX Runtime. */
    readonly onOpenVino?: boolean | undefined;
  },
): NetworkMemory {
  const sum = { weights: 0, mapped: 0, results: 0, graphs: 0, kept: 0 };
  let [loading, passing] = [0, 0];
  for (const { graph: given, once = false, allowHalf = false } of sessions) {
    if (onOpenVino) {
      const session = openVinoMemory(given, allowHalf ? precision : "float32");
      loading = Math.max(loading, sum.weights + sum.mapped + session.weights + session.mapped + session.loading);
      sum.weights += session.weights;
      sum.mapped += session.mapped;
      sum.results += session.results;
      sum.graphs += NODE_BYTES * given.nodes.length;
      continue;
    }
    const sparing = lowMemory || once;
    const graph = allowHalf && !once ? withKept(withPrecision(given, precision)) : given;
    const copies = copiesWeights(graph);
    const beside = sparing || !copies ? withChangesBeside(graph) : graph;
    const pieces = sparing ? [beside] : piecesOf(withConvolutions(beside, convolutions));
    for (const piece of pieces) {
      const session = sessionMemory(piece, { sparing, copies });
      loading = Math.max(loading, sum.weights + session.weights + session.loading);
      passing = Math.max(passing, session.passing);
      sum.weights += session.weights + session.left;
      sum.mapped += session.mapped;
      sum.kept += session.kept;
      sum.results += session.results + session.outputs;
      sum.graphs += NODE_BYTES * piece.nodes.length + (pieces.length > 1 ? THREAD_BYTES : 0);
    }
  }
  const held = sum.weights + sum.mapped + sum.results + sum.graphs;
  return { ...sum, results: sum.results + passing, held, peak: Math.max(loading + sum.graphs, held + passing) };
}
