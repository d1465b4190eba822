import type { CoderShape } from "../../src/models/autoencoder/image-coder.ts";
import type { Graph } from "../../src/onnx/graph.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import type { FixtureFile } from "../support/fixtures.ts";

/** Names of the weights that a graph takes from its checkpoint. */
export const weightNames = ({ initializers }: Graph): string[] =>
  [...initializers.values()].flatMap((initializer) => (initializer.kind === "weight" ? [initializer.name] : []));

/** The sizes of an image or latent [B, C, H, W]. */
export function coderShape({ shape: [batch = 0, , height = 0, width = 0] }: Tensor): CoderShape {
  return { batch, height, width };
}

/** "case0.", "case1.", … of a fixture. */
export const labels = (io: FixtureFile): string[] =>
  [...new Set(io.names.flatMap((name) => /^case\d+\./.exec(name)?.[0] ?? []))].sort();

/** Stored token ids, row by row. */
export function idRows({ data, shape: [rows = 0, length = 0] }: Tensor): number[][] {
  return Array.from({ length: rows }, (_, i) => [...data.subarray(i * length, (i + 1) * length)]);
}
