import { brownianTree } from "../../tensor/brownian-tree.ts";
import { concatenate } from "../../tensor/concatenate.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import type { NoiseSource } from "../sampler.ts";

/** The noise of a step between two noise levels, of variance 1. */
export type NoiseBetween = (from: number, to: number) => Tensor;

/**
 * Noise from Brownian paths between the noise levels `lowest` and `highest` (k-diffusion, `BrownianTreeNoiseSampler`):
 * steps that overlap share it. One path for the batch, or one for each image where each has a seed of its own; `fixed`
 * stands for all seeds, and where there are none, one is drawn.
 */
export function brownianNoise(
  noise: NoiseSource,
  shape: readonly number[],
  lowest: number,
  highest: number,
  fixed?: number,
): NoiseBetween {
  const given = noise.seed ?? fixed ?? drawnSeed(noise);
  const single = typeof given === "number";
  const seeds = [given].flat().map((own) => fixed ?? own);
  const ownShape = single ? shape : [1, ...shape.slice(1)];
  const [first, ...others] = seeds.map((own) => brownianTree(own, ownShape, lowest, highest));
  if (first === undefined || (!single && seeds.length !== shape[0])) {
    throw new RangeError(`Cannot draw noise of shape [${shape}] from ${seeds.length} seeds`);
  }
  return (from, to) => {
    // Noise levels fall over a run, and so the path is walked backwards.
    const length = Math.fround(Math.sqrt(Math.fround(Math.abs(to - from))));
    const [low, high, sign] = from < to ? [from, to, 1] : [to, from, -1];
    const { data, shape } = concatenate(
      [first.increment(low, high), ...others.map((tree) => tree.increment(low, high))],
      0,
    );
    return { data: data.map((value) => (sign * value) / length), shape };
  };
}

/** A seed that depends on the next number of a source that has none. */
const drawnSeed = (noise: NoiseSource): number => {
  const [value = 0] = noise([1]).data;
  return new Uint32Array(Float32Array.of(value).buffer)[0] ?? 0;
};
