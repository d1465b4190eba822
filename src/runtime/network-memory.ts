import type { Graph } from "../onnx/graph.ts";
import { sessionMemory } from "./session-memory.ts";

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

/** Estimates a network that is loaded as one session for each of `graphs`, one after the other, all on a CPU. */
export function networkMemory(graphs: readonly Graph[], settings: { readonly lowMemory: boolean }): NetworkMemory {
  const sum = { weights: 0, mapped: 0, results: 0, graphs: 0, kept: 0 };
  let [loading, passing] = [0, 0];
  for (const graph of graphs) {
    const session = sessionMemory(graph, settings);
    loading = Math.max(loading, sum.weights + session.weights + session.loading);
    passing = Math.max(passing, session.passing);
    sum.weights += session.weights + session.left;
    sum.mapped += session.mapped;
    sum.kept += session.kept;
    sum.results += session.results + session.outputs;
    sum.graphs += NODE_BYTES * graph.nodes.length;
  }
  const held = sum.weights + sum.mapped + sum.results + sum.graphs;
  return { ...sum, results: sum.results + passing, held, peak: Math.max(loading + sum.graphs, held + passing) };
}
