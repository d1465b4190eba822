import type { NoiseSource } from "../../diffusion/sampler.ts";
import { concatenate } from "../../tensor/concatenate.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { torchGenerator } from "../../tensor/torch-generator.ts";
import { requireWhole } from "./requirements.ts";

/** One seed for a whole batch, or one for each image, whose noise then does not depend on the batch that it is in. */
export type Seed = number | readonly number[];

/** Refuses seeds that are no seeds, and lists that do not have one for each of `images`. */
export function checkSeed(seed: Seed, images: number): void {
  if (typeof seed === "object" && seed.length !== images) {
    throw new RangeError(`Cannot generate ${images} images from ${seed.length} seeds: one for each image is required`);
  }
  for (const own of [seed].flat()) requireWhole("seed", own, 0);
}

/** Noise as diffusers draws it from one generator, or from a list of generators where there is a seed for each image. */
export const seededNoise = (seed: Seed): NoiseSource => Object.assign(drawsFrom(seed), { seed });

function drawsFrom(seed: Seed): (shape: readonly number[]) => Tensor {
  if (typeof seed === "number") return torchGenerator(seed).randn;
  const generators = seed.map((own) => torchGenerator(own));
  return (shape) => {
    const [first, ...others] = generators.map(({ randn }): Tensor => randn([1, ...shape.slice(1)]));
    if (first === undefined || shape[0] !== seed.length) {
      throw new RangeError(`Cannot draw noise of shape [${shape}] from ${seed.length} seeds`);
    }
    return concatenate([first, ...others], 0);
  };
}

/** What a result says of its seeds. */
export const seedsOf = (seed: Seed): { readonly seed: number; readonly seeds?: readonly number[] } =>
  typeof seed === "number" ? { seed } : { seed: seed[0] ?? 0, seeds: seed };
