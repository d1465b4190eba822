import { linearCombination, type Term } from "../../../tensor/linear-combination.ts";
import { entry, type Tensor } from "../../../tensor/tensor.ts";

/** Weights of the newest value and those before it, by how many there are. */
const WEIGHTS = [[1], [3 / 2, -1 / 2], [23 / 12, -16 / 12, 5 / 12], [55 / 24, -59 / 24, 37 / 24, -9 / 24]] as const;

/** The Adams-Bashforth combination of up to four derivatives, newest first (Liu et al. 2022, PNDM). */
export function adamsBashforth(newestFirst: readonly Tensor[]): Tensor {
  const weights: readonly number[] = entry(WEIGHTS, Math.min(newestFirst.length, WEIGHTS.length) - 1);
  const [first, ...rest] = weights.map((weight, i): Term => [weight, entry(newestFirst, i)]);
  return linearCombination(first ?? [1, entry(newestFirst, 0)], ...rest);
}
