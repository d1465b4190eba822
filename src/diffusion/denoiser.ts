import type { Tensor } from "../tensor/tensor.ts";

/**
 * What a sampler asks of a network: its raw prediction (noise, velocity or clean sample, as the schedule's
 * `prediction_type` says) for `sample` [batch, channels, height, width], already scaled as the network expects it.
 */
export interface Denoiser {
  predict(sample: Tensor, timestep: number): Promise<Tensor>;
}
