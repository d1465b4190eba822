import { entry } from "../../tensor/tensor.ts";
import { givenWholeTimesteps, type SamplerOptions, stepCount } from "../sampler-options.ts";

interface Distilled {
  readonly num_train_timesteps: number;
  readonly original_inference_steps: number;
}

/** Timesteps of models distilled at `original_inference_steps` timesteps: evenly picked from those (LCM, TCD). */
export function distilledTimesteps(config: Distilled, options: SamplerOptions): number[] {
  const { num_train_timesteps, original_inference_steps } = config;
  const steps = stepCount(options, num_train_timesteps);
  if (options.timesteps) return givenWholeTimesteps(options.timesteps, num_train_timesteps);
  if (steps > original_inference_steps) {
    throw new RangeError(
      `Cannot sample in ${steps} steps: the model was distilled at ${original_inference_steps} (original_inference_steps)`,
    );
  }
  const stride = Math.floor(num_train_timesteps / original_inference_steps);
  const distilled = Array.from(
    { length: original_inference_steps },
    (_, i) => (original_inference_steps - i) * stride - 1,
  );
  const skipped = distilled.length / steps;
  return Array.from({ length: steps }, (_, i) => entry(distilled, Math.floor(i * skipped)));
}
