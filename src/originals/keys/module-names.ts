import { CheckpointError } from "../../checkpoint/errors.ts";
import type { Weights } from "../../checkpoint/weights.ts";
import { WeightMismatchError } from "../../layers/scope.ts";

/** Names of modules in an original checkpoint, and the names that the same modules have here. */
export type ModuleNames = ReadonlyMap<string, string>;

/** A key with the longest part that `map` has renamed; a key of which it has no part stays as it is. */
export function renamedKey(key: string, map: ModuleNames): string {
  for (let end = key.lastIndexOf("."); end > 0; end = key.lastIndexOf(".", end - 1)) {
    const name = map.get(key.slice(0, end));
    if (name !== undefined) return name + key.slice(end);
  }
  return key;
}

/** The same weights under the names that `map` gives them. */
export const renamedWeights = (weights: Weights, map: ModuleNames): Weights =>
  new Map([...weights].map(([key, weight]) => [renamedKey(key, map), weight]));

/** The map from the new names back to those of the checkpoint. */
export const inverted = (map: ModuleNames): ModuleNames =>
  new Map([...map].map(([original, name]) => [name, original]));

/** What the original names of weights are, for messages: what `map` renamed, after `prefix`, in the file at `path`. */
export interface OriginalKeys {
  readonly map: ModuleNames;
  readonly prefix: string;
  readonly path: string;
}

/**
 * The renamed weights of a network that `build` builds, once, without running it, so that a checkpoint that does not fit
 * is refused when it is opened, and under the names that it has itself.
 */
export function fittedWeights(
  weights: Weights,
  { map, prefix, path }: OriginalKeys,
  build: (renamed: Weights) => unknown,
): Weights {
  const renamed = renamedWeights(weights, map);
  try {
    build(renamed);
  } catch (error) {
    if (!(error instanceof WeightMismatchError)) throw error;
    const back = inverted(map);
    const problem = error.problem.replaceAll(
      /"([\w.]+)"(?= (?:\[|is|are|has|holds))/g,
      (_, key: string) => `"${prefix}${renamedKey(key, back)}"`,
    );
    throw new CheckpointError(`Cannot use "${path}" ${problem}`, { cause: error });
  }
  return renamed;
}
