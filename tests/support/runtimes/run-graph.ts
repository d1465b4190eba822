import type { Graph } from "../../../src/onnx/graph.ts";
import { nodeRuntime } from "../../../src/runtime/node/node.ts";
import type { Feed } from "../../../src/runtime/runtime.ts";
import type { Tensor } from "../../../src/tensor/tensor.ts";

/** Loads, runs once and frees a graph. */
export async function runGraph(graph: Graph, feeds: Readonly<Record<string, Feed>>): Promise<Record<string, Tensor>> {
  await using session = await nodeRuntime().load(graph);
  const outputs = await session.run(feeds);
  const results: Record<string, Tensor> = {};
  for (const [name, output] of Object.entries(outputs)) results[name] = await output.download();
  return results;
}
