import type { Tensor } from "../tensor/tensor.ts";
import type { Denoiser } from "./denoiser.ts";

/** Successive draws of standard normal noise; the order of calls is the order in which the reference draws. */
export interface NoiseSource {
  (shape: readonly number[]): Tensor;
  /** What the noise is drawn from, one for the whole batch or one for each image: samplers seed whole paths with it. */
  readonly seed?: number | readonly number[];
}

/** The state after one network evaluation. */
export interface SamplerStep {
  /** Counts network evaluations of this run from 0; what cache plans are indexed by. */
  readonly evaluation: number;
  /** What the network was told; fractional for some schedules. */
  readonly timestep: number;
  /** The sample after the step, at the next noise level. */
  readonly sample: Tensor;
  /** The clean sample as predicted at this step, where the algorithm computes one. */
  readonly denoised: Tensor | undefined;
}

/** A run: it goes on from what `next` is given, or from the sample it yielded where that is nothing. */
export type SamplerRun = AsyncGenerator<SamplerStep, void, Tensor | undefined>;

/** A sampling algorithm with its schedule settled: everything but network, start and noise. */
export interface Sampler {
  /** The timestep of every network evaluation, in order; longer than the number of steps for PNDM and Heun. */
  readonly timesteps: readonly number[];
  /** Evaluations that a cache plan spreads over, from the first on; all of them where left out. */
  readonly planned?: number;
  /** Evaluations of every step but the last, 1 where left out: diffusers' `order`. A run begins at a multiple. */
  readonly order?: number;
  /** Standard deviation of the starting noise: diffusers' `init_noise_sigma`. */
  readonly initialNoiseScale: number;
  /** `clean` with `noise` mixed in at the level of evaluation `begin`. */
  addNoise(clean: Tensor, noise: Tensor, begin: number): Tensor;
  /**
   * Walks `start` down the schedule from evaluation `begin` (default 0), yielding after every evaluation.
   * All state lives in the generator: two runs share nothing, and leaving the loop ends the run.
   */
  sample(denoiser: Denoiser, start: Tensor, noise: NoiseSource, begin?: number): SamplerRun;
}
