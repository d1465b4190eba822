import type { Denoiser } from "../diffusion/denoiser.ts";
import { concatenate } from "../tensor/concatenate.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** Shows `inner` further channels, the same at every evaluation, after those of the sample. */
export const widenedDenoiser = (inner: Denoiser, channels: Tensor): Denoiser => ({
  predict: (sample, timestep) => inner.predict(concatenate([sample, channels], 1), timestep),
});
