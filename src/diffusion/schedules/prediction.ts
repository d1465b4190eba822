import { linearCombination, requireShape } from "../../tensor/linear-combination.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { levelOfSigma, type NoiseLevel } from "./noise-schedule.ts";

/** What a network predicts: the noise, the clean sample or the velocity (Salimans and Ho 2022, appendix D). */
export type PredictionType = "epsilon" | "sample" | "v_prediction";

/** The clean sample that a network's `output` for `sample` amounts to. */
export function predictClean(type: PredictionType, level: NoiseLevel, sample: Tensor, output: Tensor): Tensor {
  const { signal, noise } = level;
  switch (type) {
    case "epsilon":
      if (signal === 0) return overNothing(linearCombination([1, sample], [-noise, output]));
      return linearCombination([1 / signal, sample], [-noise / signal, output]);
    case "sample":
      return shapedLike(sample, output);
    case "v_prediction":
      return linearCombination([signal, sample], [-noise, output]);
  }
}

/** The noise that a network's `output` for `sample` amounts to. */
export function predictNoise(type: PredictionType, level: NoiseLevel, sample: Tensor, output: Tensor): Tensor {
  const { signal, noise } = level;
  switch (type) {
    case "epsilon":
      return shapedLike(sample, output);
    case "sample":
      return noiseBetween(level, sample, output);
    case "v_prediction":
      return linearCombination([signal, output], [noise, sample]);
  }
}

/** The noise that separates `sample` from its clean sample. */
export const noiseBetween = ({ signal, noise }: NoiseLevel, sample: Tensor, clean: Tensor): Tensor =>
  linearCombination([1 / noise, sample], [-signal / noise, clean]);

/** As `predictClean` for a sample whose signal is not scaled down: clean + σ · noise (Karras et al. 2022). */
export function predictCleanUnscaled(type: PredictionType, sigma: number, sample: Tensor, output: Tensor): Tensor {
  switch (type) {
    case "epsilon":
      return linearCombination([1, sample], [-sigma, output]);
    case "sample":
      return shapedLike(sample, output);
    case "v_prediction": {
      const { signal, noise } = levelOfSigma(sigma);
      return linearCombination([signal ** 2, sample], [-noise, output]);
    }
  }
}

/** Where no signal is left, noise says nothing of the clean sample but its sign: infinite values, for a sampler to clip. */
const overNothing = ({ data, shape }: Tensor): Tensor => ({ data: data.map((value) => value / 0), shape });

function shapedLike(sample: Tensor, output: Tensor): Tensor {
  requireShape(sample, output);
  return output;
}
