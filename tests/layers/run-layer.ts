import { join } from "node:path";
import { fileSource } from "../../src/checkpoint/bytes/byte-sources/file.ts";
import { readCheckpoint } from "../../src/checkpoint/read-checkpoint.ts";
import { writeSafetensors } from "../../src/checkpoint/safetensors/write-safetensors.ts";
import type { Weights } from "../../src/checkpoint/weights.ts";
import { checkpointScope, type Scope } from "../../src/layers/scope.ts";
import { graphBuilder, type Value } from "../../src/onnx/graph.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import { temporaryFolder } from "../checkpoint/files.ts";
import { runGraph } from "../support/runtimes/run-graph.ts";

export type Tensors = Readonly<Record<string, Tensor>>;

/** What `emit` makes of the weights, given through a file, and of the inputs; every weight must be used. */
export async function runLayer(
  weights: Tensors,
  inputs: Tensors,
  emit: (scope: Scope, values: Readonly<Record<string, Value>>) => Value,
): Promise<Tensor> {
  const path = join(temporaryFolder(), "weights.safetensors");
  await writeSafetensors(path, weights);
  return await runWithWeights((await readCheckpoint(await fileSource(path))).weights, inputs, emit);
}

export async function runWithWeights(
  weights: Weights,
  inputs: Tensors,
  emit: (scope: Scope, values: Readonly<Record<string, Value>>) => Value,
): Promise<Tensor> {
  const builder = graphBuilder("layer");
  const { root, check } = checkpointScope(builder, weights);
  const entries = Object.entries(inputs).map(([name, { shape }]) => [name, builder.input(name, "F32", shape)]);
  const y = emit(root, Object.fromEntries(entries));
  check("the layer");
  const results = await runGraph(builder.finish({ y }), inputs);
  return results["y"] as Tensor;
}
