import type { Tensor } from "../../../src/tensor/tensor.ts";
import { readJson } from "../fixtures.ts";
import { counterWeight } from "./counter-weights.ts";

/** The weights that tests/fixtures/inception was computed with: 95 MB that are made in a second. */
export function inceptionWeights(): Record<string, Tensor> {
  const { shapes } = readJson("inception/expected.json") as { shapes: Record<string, number[]> };
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [name, counterWeight(name, shape, name === "fc.weight" ? 8 : 1)]),
  );
}
