import type { Tensor } from "../tensor/tensor.ts";
import type { SamplerRun, SamplerStep } from "./sampler.ts";

/** `run` with every sample replaced by what `revise` makes of it. */
export async function* revisedRun(
  run: SamplerRun,
  revise: (sample: Tensor, evaluation: number) => Tensor,
): AsyncGenerator<SamplerStep, void> {
  try {
    for (let next = await run.next(); !next.done; ) {
      const sample = revise(next.value.sample, next.value.evaluation);
      yield { ...next.value, sample };
      next = await run.next(sample);
    }
  } finally {
    await run.return();
  }
}
