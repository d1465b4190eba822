import type { Weight, Weights } from "../../checkpoint/weights.ts";

/**
 * What a tensor of an original checkpoint is in the names of diffusers and transformers: one weight or several views
 * of it, none where the model has no use for it, or undefined where the original class does not have it either.
 */
export type KeyMap = (key: string, weight: Weight) => readonly (readonly [string, Weight])[] | undefined;

/** The map of weights that change nothing but their name. */
export const byName =
  (rename: (key: string) => string | undefined): KeyMap =>
  (key, weight) => {
    const name = rename(key);
    return name === undefined ? undefined : [[name, weight]];
  };

/** All of `weights` by `map`; those that it does not know keep their names, so that whoever uses them can tell. */
export const mappedWeights = (weights: Weights, map: KeyMap): Weights =>
  new Map([...weights].flatMap(([key, weight]) => map(key, weight) ?? [[key, weight] as const]));
