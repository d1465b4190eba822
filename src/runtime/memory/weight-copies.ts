import type { Graph } from "../../onnx/graph.ts";
import { widenedBytes } from "../../onnx/weights.ts";

/**
 * Weights above which a graph is loaded with few copies, in float32 bytes. Convolutions in blocks of channels run a few
 * per cent faster, packed matrices up to two, but both copies are in memory while ONNX Runtime makes them, on one thread.
 */
const FEW_COPIES_LIMIT = 2 ** 30;

/** Whether weights of `graph` are copied to layouts of their own where memory is not scarce. */
export const copiesWeights = (graph: Graph): boolean => widenedBytes(graph) <= FEW_COPIES_LIMIT;
