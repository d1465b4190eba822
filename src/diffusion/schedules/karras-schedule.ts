import { linearCombination } from "../../tensor/linear-combination.ts";
import { entry, type Tensor } from "../../tensor/tensor.ts";
import type { NoiseSource, Sampler } from "../sampler.ts";
import type { Churn } from "../sampler-options.ts";
import { linspaceFloat32, positiveAlphasCumprod, type TrainingNoise } from "./noise-schedule.ts";
import { type SigmaSpacing, sigmaAt, sigmaFormula, spacedSigmas, timestepAt, trainingSigmas } from "./sigmas.ts";
import { type Spacing, spacedTimesteps } from "./timesteps.ts";

/** A sampler that walks noise levels σ. */
export interface SigmaSampler extends Sampler {
  /** σ at every evaluation, and where the last one leads. */
  readonly sigmas: readonly number[];
}

/** Timesteps, and noise levels with the one that the last step leads to. */
export interface SigmaSchedule {
  readonly timesteps: readonly number[];
  readonly sigmas: readonly number[];
  /** σ of every training timestep. */
  readonly training: Float32Array;
}

type Config = TrainingNoise &
  Spacing &
  SigmaSpacing & {
    readonly interpolation_type?: "linear" | "log_linear";
    readonly final_sigmas_type?: "zero" | "sigma_min";
  };

/** The schedule of samplers on unscaled samples, clean + σ · noise (Karras et al. 2022), in float32 like the reference. */
export function karrasSchedule(config: Config, steps: number, given?: readonly number[]): SigmaSchedule {
  const training = trainingSigmas(positiveAlphasCumprod(config));
  const last = config.final_sigmas_type === "sigma_min" ? entry(training, 0) : 0;
  const timesteps = (given ?? spacedTimesteps(config, steps)).map(Math.fround);
  const sigmas =
    config.interpolation_type === "log_linear"
      ? logLinear(training, steps + 1)
      : timesteps.map((timestep) => sigmaAt(training, timestep));
  const formula = sigmaFormula(config);
  if (formula === undefined) return { timesteps, sigmas: [...sigmas, last].map(Math.fround), training };
  if (given)
    throw new RangeError(`Cannot use given timesteps: the config spaces noise levels by the ${formula} formula`);
  const [highest, lowest] = [
    config.sigma_max ?? entry(sigmas, 0),
    config.sigma_min ?? entry(sigmas, sigmas.length - 1),
  ];
  const spaced = spacedSigmas(formula, highest, lowest, steps);
  return {
    timesteps: spaced.map((sigma) => Math.fround(timestepAt(training, sigma))),
    sigmas: [...spaced, last].map(Math.fround),
    training,
  };
}

function logLinear(training: Float32Array, count: number): number[] {
  const logAt = (index: number): number => Math.log(entry(training, index));
  return [...linspaceFloat32(logAt(training.length - 1), logAt(0), count).map(Math.exp)];
}

/** Standard deviation of the starting noise: the whole sample's where the schedule starts below the last timestep. */
export function initialNoiseScale({ timestep_spacing }: Spacing, sigmas: readonly number[]): number {
  const highest = Math.max(...sigmas);
  return timestep_spacing === "leading" ? Math.sqrt(highest ** 2 + 1) : highest;
}

/** The sample as the network expects it: of variance 1 (Karras et al. 2022, table 1). */
export const scaledInput = (sample: Tensor, sigma: number): Tensor =>
  linearCombination([1 / Math.sqrt(sigma ** 2 + 1), sample]);

/**
 * A straight step from `from` to `to` along the line through `sample` and its clean sample (Karras et al. 2022, eq. 3).
 * Rounded to float32 where the reference rounds: with zero terminal SNR σ begins at 4096, and that rounding shows.
 */
export function stepToward(sample: Tensor, clean: Tensor, from: number, to: number): Tensor {
  const [round, step] = [Math.fround, Math.fround(to - from)];
  const data = new Float32Array(sample.data.length);
  for (let i = 0; i < data.length; i++) {
    const derivative = round(round(sample.data[i]! - clean.data[i]!) / from);
    data[i] = sample.data[i]! + round(derivative * step);
  }
  return { data, shape: sample.shape };
}

/** The slope at `sigma` of the line through `sample` and its clean sample. */
export const slope = (sample: Tensor, clean: Tensor, sigma: number): Tensor =>
  linearCombination([1 / sigma, sample], [-1 / sigma, clean]);

/**
 * How an ancestral step from `from` to `to` divides into one down and noise back up (k-diffusion), in float32 like the
 * reference: where `from` is far above `to`, next to nothing is left of the difference of squares.
 */
export function ancestralStep(from: number, to: number): { down: number; up: number } {
  const round = Math.fround;
  const [from2, to2] = [round(from ** 2), round(to ** 2)];
  const up = round(Math.sqrt(round(round(to2 * round(from2 - to2)) / from2)));
  return { down: round(Math.sqrt(round(to2 - round(up ** 2)))), up };
}

/** The sample with the noise that `churn` adds before a step from `sigma`, and its raised level (algorithm 2). */
export function churned(
  sample: Tensor,
  sigma: number,
  steps: number,
  churn: Churn | undefined,
  noise: NoiseSource,
): { sample: Tensor; sigma: number } {
  const { amount = 0, lowest = 0, highest = Number.POSITIVE_INFINITY, noiseScale = 1 } = churn ?? {};
  const raised = sigma >= lowest && sigma <= highest ? sigma * (1 + Math.min(amount / steps, Math.SQRT2 - 1)) : sigma;
  if (!(raised > sigma)) return { sample, sigma: raised };
  const added = noiseScale * Math.sqrt(raised ** 2 - sigma ** 2);
  return { sample: linearCombination([1, sample], [added, noise(sample.shape)]), sigma: raised };
}
