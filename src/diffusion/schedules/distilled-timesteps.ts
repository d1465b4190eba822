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
  const length = Math.floor(original_inference_steps * (options.share ?? 1));
  if (steps > length) {
    const left = length === original_inference_steps ? "" : `, of which strength ${options.share} leaves ${length}`;
    throw new RangeError(
      `Cannot sample in ${steps} steps: the model was distilled at ${original_inference_steps} timesteps (original_inference_steps)${left}`,
    );
  }
  const stride = Math.floor(num_train_timesteps / original_inference_steps);
  const distilled = Array.from({ length }, (_, i) => (length - i) * stride - 1);
  const skipped = distilled.length / steps;
  return Array.from({ length: steps }, (_, i) => entry(distilled, Math.floor(i * skipped)));
}
