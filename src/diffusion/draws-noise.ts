import { type Tensor, zeros } from "../tensor/tensor.ts";
import type { Sampler } from "./sampler.ts";

/** Whether a sampler draws noise between evaluations, found by running it on a single number. */
export async function drawsNoise(sampler: Sampler): Promise<boolean> {
  const shape = [1, 1, 1, 1];
  let drawn = false;
  const noise = (wanted: readonly number[]): Tensor => {
    drawn = true;
    return zeros(wanted);
  };
  for await (const _ of sampler.sample({ predict: async () => zeros(shape) }, zeros(shape), noise)) if (drawn) break;
  return drawn;
}
