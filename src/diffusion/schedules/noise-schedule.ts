import { linearCombination } from "../../tensor/linear-combination.ts";
import { entry } from "../../tensor/tensor.ts";
import type { Sampler } from "../sampler.ts";
import { givenBegin } from "../sampler-options.ts";

/** How much signal and how much noise a sample holds. */
export interface NoiseLevel {
  readonly signal: number;
  readonly noise: number;
}

/** The fields of a scheduler config that settle the noise added in training. */
export interface TrainingNoise {
  readonly num_train_timesteps: number;
  readonly beta_start: number;
  readonly beta_end: number;
  readonly beta_schedule: BetaSchedule;
  readonly trained_betas: readonly number[] | null;
  readonly rescale_betas_zero_snr?: boolean;
}

/** Names of the formulas for β. */
export type BetaSchedule = keyof typeof BETA_SCHEDULES;

const round = Math.fround;

/** What float32 `linspace` gives in PyTorch: from both ends to the middle, each value by a fused multiply-add. */
export function linspaceFloat32(start: number, end: number, count: number): Float32Array {
  const [first, last] = [round(start), round(end)];
  if (count === 1) return Float32Array.of(first);
  const step = round(round(last - first) / (count - 1));
  const half = Math.floor(count / 2);
  return Float32Array.from({ length: count }, (_, i) => (i < half ? first + step * i : last - step * (count - 1 - i)));
}

/** β from a function for ᾱ of the fraction of the way (Nichol and Dhariwal 2021, eq. 17). */
function betasOfAlphaBar(count: number, alphaBar: (fraction: number) => number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) =>
    Math.min(1 - alphaBar((i + 1) / count) / alphaBar(i / count), 0.999),
  );
}

function laplaceAlphaBar(fraction: number): number {
  const side = fraction <= 0.5 ? 1 : -1;
  const snr = Math.exp(-0.5 * side * Math.log(1 - 2 * Math.abs(0.5 - fraction) + 1e-6));
  return Math.sqrt(snr / (1 + snr));
}

const BETA_SCHEDULES = {
  linear: (start, end, count) => linspaceFloat32(start, end, count),
  scaled_linear: (start, end, count) =>
    linspaceFloat32(Math.sqrt(start), Math.sqrt(end), count).map((value) => value * value),
  squaredcos_cap_v2: (_start, _end, count) =>
    betasOfAlphaBar(count, (fraction) => Math.cos((((fraction + 0.008) / 1.008) * Math.PI) / 2) ** 2),
  laplace: (_start, _end, count) => betasOfAlphaBar(count, laplaceAlphaBar),
  exp: (_start, _end, count) => betasOfAlphaBar(count, (fraction) => Math.exp(-12 * fraction)),
  sigmoid: (start, end, count) =>
    linspaceFloat32(-6, 6, count).map((value) => round(round(1 / (1 + Math.exp(-value))) * round(end - start)) + start),
} as const satisfies Record<string, (start: number, end: number, count: number) => Float32Array>;

/** The products of 1 - β, accumulated in float64 and stored as float32. */
function cumulativeAlphas(betas: Float32Array): Float32Array {
  let product = 1;
  return betas.map((beta) => {
    product *= round(1 - beta);
    return product;
  });
}

/** β rescaled so that the last step holds no signal (Lin et al. 2023, algorithm 1). */
function withZeroTerminalSnr(betas: Float32Array): Float32Array {
  const signals = cumulativeAlphas(betas).map(Math.sqrt);
  const [first, last] = [entry(signals, 0), entry(signals, signals.length - 1)];
  const scale = round(first / round(first - last));
  const alphaBars = signals.map((signal) => round(round(signal - last) * scale) ** 2);
  return alphaBars.map((alphaBar, i) => 1 - (i === 0 ? alphaBar : round(alphaBar / entry(alphaBars, i - 1))));
}

/**
 * ᾱ for every training timestep (DDPM, eq. 4). Rounded to float32 where the reference rounds: near timestep 0
 * the rounding of 1 - ᾱ shows in whole trajectories.
 */
export function alphasCumprod(training: TrainingNoise): Float32Array {
  const { beta_schedule, beta_start, beta_end, num_train_timesteps, trained_betas } = training;
  const betas = trained_betas
    ? Float32Array.from(trained_betas)
    : BETA_SCHEDULES[beta_schedule](beta_start, beta_end, num_train_timesteps);
  return cumulativeAlphas(training.rescale_betas_zero_snr ? withZeroTerminalSnr(betas) : betas);
}

/** What stands for zero terminal SNR where a sampler divides by it. */
export const SOFTENED_ALPHA_BAR = 2 ** -24;

/** As `alphasCumprod`, with zero terminal SNR softened. */
export function positiveAlphasCumprod(training: TrainingNoise): Float32Array {
  const alphaBars = alphasCumprod(training);
  if (training.rescale_betas_zero_snr) alphaBars[alphaBars.length - 1] = SOFTENED_ALPHA_BAR;
  return alphaBars;
}

/** The noise level where ᾱ is `alphaBar`. */
export const levelOfAlphaBar = (alphaBar: number): NoiseLevel => ({
  signal: Math.sqrt(alphaBar),
  noise: Math.sqrt(1 - alphaBar),
});

/** The noise level where noise is `sigma` times the signal. */
export function levelOfSigma(sigma: number): NoiseLevel {
  const signal = 1 / Math.sqrt(sigma ** 2 + 1);
  return { signal, noise: sigma * signal };
}

/** A sampler's `addNoise`: the clean sample at the level of an evaluation (DDPM, eq. 4). */
export const addNoiseAt =
  (timesteps: readonly number[], levelAt: (index: number) => NoiseLevel): Sampler["addNoise"] =>
  (clean, deviates, begin) => {
    const { signal, noise } = levelAt(givenBegin(begin, timesteps));
    return linearCombination([signal, clean], [noise, deviates]);
  };
